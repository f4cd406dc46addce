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


@pytest.fixture
def logging(desk: Desk) -> Desk:
    """The stack gives a log group, and two containers were baked."""
    desk.write("bootstrap/containers", "main \nside \n")
    desk.write("logging", '{"group": "g"}')
    desk.write("ids", "main\nside\n")
    desk.program(
        "docker",
        'case $1 in\nstart) shift; echo "start $*" >>"$DESK/log" ;;\nps) cat "$DESK/ids" ;;\n'
        'inspect) shift 3; for id in "$@"; do echo "$id json-file never"; done ;;\nesac',
    )
    desk.program("ondisk", 'cat >"$DESK/asked"; echo told >"$2"; exit "$(cat "$DESK/status")"')
    desk.program(
        "docker-compose",
        'echo "compose $* with $COMPOSE_FILE" >>"$DESK/log"; [ ! -e "$DESK/broken" ]',
    )
    desk.write("status", "0\n")
    return desk


def with_logs(desk: Desk) -> tuple[int, list[str]]:
    python = "/usr/bin/python3 -I -S /usr/local/lib/provisimus/python/run"
    there = {"bootstrap": "/bootstrap", "uptime": "/proc/uptime", "bin/ondisk": python}
    return desk.run("machine/bootstrap", logging="/etc/provisimus/logging", **there)


def test_with_a_log_group_the_containers_are_made_anew_once(logging: Desk) -> None:
    runs = "every container runs after 41 s"
    assert with_logs(logging) == (0, ["the containers write to the log group of the stack", runs])
    assert logging.read("asked") == "main json-file never\nside json-file never\n"
    assert logging.read("bootstrap/logging.json") == "told\n"
    assert with_logs(logging) == (0, [runs])
    assert logging.read("log").splitlines() == [
        "compose up --no-start --no-build with docker-compose.yml:logging.next",
        *["start main side"] * 2,
    ]


def test_compose_is_told_what_users_laid_beside_its_file_and_of_the_logs(logging: Desk) -> None:
    logging.write("bootstrap/docker-compose.override.yml")
    logging.write("bootstrap/logging.json")
    (logging.folder / "bootstrap/containers").unlink()
    assert with_logs(logging)[0] == 0
    files = "docker-compose.yml:docker-compose.override.yml:logging.json"
    assert logging.read("log") == f"compose up --detach --no-build with {files}\n"


@pytest.mark.parametrize("broken", ["program", "compose"])
def test_a_service_does_not_wait_for_its_logs(logging: Desk, broken: str) -> None:
    if broken == "program":
        logging.write("status", "1\n")
    else:
        logging.write("broken")
    status, said = with_logs(logging)
    assert (status, said[-1]) == (0, "every container runs after 41 s")
    assert logging.read("log").splitlines()[-1] == "start main side"
    assert not (logging.folder / "bootstrap/logging.json").exists()


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
