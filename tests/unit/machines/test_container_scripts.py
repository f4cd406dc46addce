"""Starting the containers of a machine in their order, and waiting for those with a check."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.machines.scripts import Desk

# A container is as healthy as the file health/<id> says; each question brings it one line further.
INSPECT = """\
format=$3
shift 3
for id in "$@"; do
    state=$(head -n 1 "$DESK/health/$id" 2>/dev/null)
    [ "$(wc -l <"$DESK/health/$id")" -le 1 ] || sed -i 1d "$DESK/health/$id"
    case $format in
    '{{.Name}}') echo "/$id" ;;
    *.Name*) echo "/$id $state" ;;
    *Log*) echo "1 no such queue" ;;
    *) echo "$state" ;;
    esac
    echo "ask $id: $state" >>"$DESK/log"
done
"""


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.program(
        "docker",
        'case $1 in\nstart) shift; echo "start $*" >>"$DESK/log" ;;\nps) cat "$DESK/ids" ;;\n'
        f"inspect)\n{INSPECT};;\nesac",
    )
    made.program("sleep", "")
    made.write("uptime", "41.50 90.00\n")
    made.write("bootstrap/docker-compose.yml")
    return made


def bootstrap(desk: Desk) -> tuple[int, list[str]]:
    return desk.run("machine/bootstrap", bootstrap="/bootstrap", uptime="/proc/uptime")


def test_containers_that_wait_for_nobody_are_started_at_once(desk: Desk) -> None:
    desk.write("bootstrap/containers", "a \nb \n")
    assert bootstrap(desk) == (
        0,
        ["every container runs after 41 s"],
    )
    assert desk.read("log") == "start a b\n"


def test_one_that_waits_is_started_once_the_others_are_healthy(desk: Desk) -> None:
    desk.write("bootstrap/containers", "db \nmetrics \napp db \nlast \n")
    desk.write("health/db", "starting\nstarting\nhealthy\n")
    assert bootstrap(desk)[0] == 0
    assert desk.read("log").splitlines() == [
        "start db metrics",
        *("ask db: starting", "ask db: starting", "ask db: healthy"),
        "start app last",
    ]


def test_what_comes_after_an_unhealthy_one_is_left_to_compose(desk: Desk) -> None:
    desk.write("bootstrap/containers", "db \napp db \n")
    desk.write("health/db", "unhealthy\n")
    desk.program("docker-compose", 'echo "compose $*" >>"$DESK/log"')
    status, said = bootstrap(desk)
    assert status == 0
    assert said == [
        "container db is unhealthy, so what comes after it is not started",
        "not every container that was baked could be started; asking Compose",
        "every container runs after 41 s",
    ]
    assert desk.read("log").splitlines()[-1] == "compose up --detach --no-build"


def test_a_machine_is_told_healthy_when_every_checked_container_is(desk: Desk) -> None:
    desk.write("ids", "db\nplain\n")
    desk.write("health/db", "starting\nhealthy\n")
    desk.write("health/plain", "\n")
    assert desk.run("machine/containers", uptime="/proc/uptime") == (
        0,
        ["every container is healthy after 41 s"],
    )


def test_an_unhealthy_container_is_told_with_what_its_check_said(desk: Desk) -> None:
    desk.write("ids", "db\n")
    desk.write("health/db", "starting\nunhealthy\n")
    assert desk.run("machine/containers", uptime="/proc/uptime") == (
        1,
        ["container db is unhealthy after 41 s", "db | 1 no such queue"],
    )
