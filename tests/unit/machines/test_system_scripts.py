"""Updates, time zone and the pinned Docker, while baking."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.machines.scripts import Desk

SIMULATED = """\
Inst libssl3 [3.0.15-1] (3.0.16-1 Debian-Security:12/stable-security [amd64])
Inst tzdata [2024a-0] (2025b-0 Debian:12.11/stable [all])
Inst curl [8.5.0-2] (8.5.0-2ubuntu10.6 Ubuntu:24.04/noble-updates, Ubuntu:24.04/noble-security [amd64])
Conf libssl3 (3.0.16-1 Debian-Security:12/stable-security [amd64])
"""  # noqa: E501 as apt-get writes it


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = Desk(tmp_path)
    made.write("simulated", SIMULATED)
    made.program(
        "apt-get",
        'case "$*" in *--simulate*) cat "$DESK/simulated"; exit ;; esac\n'
        'echo "apt-get $*" >>"$DESK/log"',
    )
    made.program("unattended-upgrade", "")
    for path in ("root/etc/localtime", "root/usr/share/zoneinfo/Europe/Amsterdam", "stage/ready"):
        made.write(path)
    made.write("stage/zone", "Etc/UTC\n")
    made.write("stage/updates")
    made.write("stage/docker")
    return made


def test_without_a_word_nothing_is_updated_and_time_is_utc(desk: Desk) -> None:
    assert desk.run("bake/25-system") == (0, [])
    assert not (desk.folder / "log").exists()
    assert not (desk.folder / "root/etc/localtime").exists()


def test_a_zone_is_set_and_one_that_is_not_there_is_told(desk: Desk) -> None:
    desk.write("stage/zone", "Europe/Amsterdam\n")
    assert desk.run("bake/25-system") == (0, [])
    link = (desk.folder / "root/etc/localtime").readlink()
    assert link == Path("/usr/share/zoneinfo/Europe/Amsterdam")
    desk.write("stage/zone", "Europe/Atlantis\n")
    assert desk.run("bake/25-system") == (1, ["the base knows no time zone Europe/Atlantis"])


def test_security_updates_are_those_from_the_security_archive(desk: Desk) -> None:
    desk.write("stage/updates", "security\n")
    status, said = desk.run("bake/25-system")
    assert (status, [line.split() for line in said]) == (0, [["updating", "libssl3", "curl"]])
    assert desk.read("log").splitlines()[-1].endswith(" libssl3 curl")


def test_all_updates(desk: Desk) -> None:
    desk.write("stage/updates", "all\n")
    assert desk.run("bake/25-system")[0] == 0
    assert desk.read("log").splitlines()[-1].endswith(" libssl3 tzdata curl")


def test_no_update_is_there(desk: Desk) -> None:
    desk.write("stage/updates", "security\nunattended\n")
    desk.write("simulated", "Reading package lists...\n")
    assert desk.run("bake/25-system") == (0, ["no package has such an update"])


def engine(desk: Desk, version: str, compose: str = "1.29.2") -> None:
    """An engine that is there already."""
    desk.program("dockerd", "")
    desk.program("docker", f'[ "$1" = info ] && echo "{version}, overlay2"')
    desk.program("docker-compose", f"echo {compose}")
    desk.program("systemctl", "")
    # Of what it does not know it says so, and ends with 1.
    desk.program("dpkg-query", "echo installed docker.io; echo not-installed docker-ce; exit 1")
    desk.program("apt-mark", 'echo "apt-mark $*" >>"$DESK/log"')


def test_the_docker_that_is_there_is_held(desk: Desk) -> None:
    engine(desk, "20.10.24+dfsg1")
    desk.write("stage/docker", "engine 20.10.24\ncompose 1.29\n")
    assert desk.run("bake/30-docker") == (
        0,
        ["Docker 20.10.24+dfsg1, overlay2, Compose 1.29.2"],
    )
    assert desk.read("log") == "apt-mark -qq hold docker.io\n"


@pytest.mark.parametrize(
    ("pin", "words"),
    [
        ("engine 20.1", "the machine has engine 20.10.24+dfsg1; machine.yaml wants 20.1"),
        ("compose 2", "the machine has compose 1.29.2; machine.yaml wants 2"),
    ],
)
def test_another_docker_than_the_pinned_one_ends_the_bake(desk: Desk, pin: str, words: str) -> None:
    engine(desk, "20.10.24+dfsg1")
    desk.write("stage/docker", pin + "\n")
    status, said = desk.run("bake/30-docker")
    assert status == 1
    assert said[-1].startswith(words)
