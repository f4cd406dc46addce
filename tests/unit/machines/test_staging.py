"""The archive that Packer uploads: what is in it, and the units that it carries."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from provisimus.errors import InvalidDefinitions
from provisimus.machines.compose import ComposeFile
from provisimus.machines.compose_model import Start
from provisimus.machines.definition import Entry, MachineFiles
from provisimus.machines.staging import staging, write_archive
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.problems import parse

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ops@acme"
COMPOSE = ComposeFile("services: {}\n", (Start("greeter"),))


def staged(
    files: MachineFiles | None = None, compose: ComposeFile = COMPOSE, **more: object
) -> dict[str, Entry]:
    machine = parse(Machine, {"base": "debian-12", "main": "greeter", **more})
    entries = staging(
        machine, files or MachineFiles(), compose, ["r/greeter@sha256:1"], "RUN=1\n", "admin"
    )
    return {entry.path: entry for entry in entries}


def text(entry: Entry) -> str:
    assert entry.content is not None
    return entry.content.decode()


def test_a_plain_machine() -> None:
    found = staged()
    assert text(found["images"]) == "r/greeter@sha256:1\n"
    assert text(found["start"]) == "greeter\n"
    assert text(found["builder"]) == "admin\n"
    assert text(found["root/bootstrap/docker-compose.yml"]) == COMPOSE.text
    assert found["run"].mode == 0o755
    assert [path for path in found if path.startswith("steps/")] == [
        *("steps/20-files", "steps/25-system", "steps/30-docker", "steps/40-users"),
        "steps/50-images",
        *("steps/60-setup", "steps/70-containers", "steps/85-sbom", "steps/90-clean"),
        *("steps/95-search", "steps/99-leave"),
    ]
    assert [path for path in found if path.endswith((".service", ".timer"))] == [
        "root/etc/systemd/system/provisimus-bootstrap.service",
        "root/etc/systemd/system/provisimus-refresh.service",
        "root/etc/systemd/system/provisimus-refresh.timer",
        "root/etc/systemd/system/provisimus-settings.service",
    ]
    assert text(found["enable"]).split() == [
        "provisimus-settings.service",
        "provisimus-refresh.timer",
    ]
    assert "root/usr/local/lib/provisimus/python/ondisk/aws.py" in found
    started = found["root/usr/local/lib/provisimus/python/run"]
    assert "from ondisk.programs import main" in text(started)


def test_users() -> None:
    found = staged(
        users=[
            {"name": "ops", "ssh_keys": [KEY], "sudo": True, "expires": "2027-01-01"},
            {"name": "dev", "ssh_keys": [KEY]},
        ]
    )
    assert text(found["users"]) == "ops 2027-01-01\ndev -\n"
    assert text(found["keys/ops"]) == KEY + "\n"
    sudoers = found["root/etc/sudoers.d/provisimus-ops"]
    assert (sudoers.mode, text(sudoers)) == (0o440, "ops ALL=(ALL:ALL) NOPASSWD:ALL\n")
    assert "root/etc/sudoers.d/provisimus-dev" not in found


def test_volumes_bring_their_unit() -> None:
    found = staged(volumes=[{"mount": "/data"}, {"mount": "/log"}])
    assert text(found["root/etc/provisimus/mounts"]) == "/data\n/log\n"
    unit = text(found["root/etc/systemd/system/provisimus-volumes.service"])
    assert "Before=docker.service provisimus-bootstrap.service" in unit


def test_volumes_bring_the_timer_of_their_snapshots() -> None:
    found = staged(volumes=[{"mount": "/data", "quiesce": "/opt/flush"}, {"mount": "/log"}])
    assert text(found["root/etc/provisimus/quiesce"]) == "/data /opt/flush\n"
    unit = text(found["root/etc/systemd/system/provisimus-snapshots@.service"])
    assert "ConditionPathExists=/etc/provisimus/snapshots\n" in unit
    assert "python/run snapshots thaw\n" in unit.partition("ExecStopPost=")[2]
    assert "provisimus-snapshots.timer" in text(found["enable"])
    assert "root/etc/systemd/system/provisimus-snapshots.timer" not in staged()


def test_settings_that_may_change_are_asked_for_again() -> None:
    """A machine whose settings refer to nothing has no timer that runs, and no machine asks in step
    with another."""
    found = staged()
    timer = text(found["root/etc/systemd/system/provisimus-refresh.timer"])
    assert "ConditionPathExists=/run/provisimus/referring\n" in timer
    assert "After=provisimus-settings.service\n" in timer
    assert "OnUnitInactiveSec=180\nRandomizedDelaySec=120\n" in timer
    # timers.target is before the settings are there; waiting for them would be a cycle.
    assert "WantedBy=multi-user.target\n" in timer
    assert "DefaultDependencies=no\n" in timer
    unit = text(found["root/etc/systemd/system/provisimus-refresh.service"])
    assert "python/run settings refresh\n" in unit


def test_health_brings_its_timer() -> None:
    found = staged(health={"http": {"port": 8080, "path": "/health"}, "every": "30s"})
    assert text(found["root/etc/provisimus/health"]) == (
        "way=http\nwhat=http://127.0.0.1:8080/health\nwithin=300\nevery=30\n"
    )
    assert text(found["enable"]).split() == [
        "provisimus-settings.service",
        "provisimus-refresh.timer",
        "provisimus-answer.socket",
    ]
    socket = text(found["root/etc/systemd/system/provisimus-answer.socket"])
    assert "ListenStream=127.0.0.1:9180\n" in socket
    others = staged(health={"http": {"port": 80}, "publish": {"port": 99, "open": True}})
    socket = text(others["root/etc/systemd/system/provisimus-answer.socket"])
    assert "ListenStream=99\n" in socket
    timer = text(found["root/etc/systemd/system/provisimus-health.timer"])
    assert "OnUnitInactiveSec=30\n" in timer


def test_a_setup_script_with_an_interpreter_becomes_executable() -> None:
    found = staged(MachineFiles(setup=(Entry("10-x", 0o644, b"#!/bin/sh\n"),)))
    assert found["setup/10-x"].mode == 0o755


def test_engine_settings_of_the_users_own_win() -> None:
    own = Entry("etc/docker/daemon.json", 0o644, b'{"runtimes": {"kata": {}}, "debug": true}')
    found = staged(MachineFiles(files=(own,)))
    runtime = {"path": "/usr/local/lib/provisimus/runtime"}
    assert json.loads(text(found["root/etc/docker/daemon.json"])) == {
        "runtimes": {"kata": {}, "provisimus": runtime},
        "debug": True,
    }
    assert "restart-docker" in found
    for broken in (b"{", b"[]", b'{"runtimes": []}'):
        with pytest.raises(InvalidDefinitions, match=r"daemon\.json"):
            staged(MachineFiles(files=(Entry("etc/docker/daemon.json", 0o644, broken),)))


def test_a_path_of_ours_cannot_be_taken() -> None:
    taken = Entry("etc/systemd/system/provisimus-bootstrap.service", 0o644, b"")
    with pytest.raises(InvalidDefinitions):
        staged(MachineFiles(files=(taken,)))


def test_without_an_order_nothing_says_start() -> None:
    assert "start" not in staged(compose=ComposeFile("services: {}\n", None))


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_archive(
            staged(MachineFiles(files=(Entry("a", 0o777, link="b"),))).values(), tmp_path / name
        )
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    with tarfile.open(tmp_path / "one") as archive:
        link = archive.getmember("root/a")
        assert (link.issym(), link.linkname) == (True, "b")
        assert {(member.uid, member.mtime) for member in archive} == {(0, 0)}


def test_containers_that_wait_for_others_say_so_and_bring_their_unit() -> None:
    compose = ComposeFile("", (Start("db"), Start("app", ("db",))))
    checked = {"containers": {"greeter": {"health": {"run": ["true"]}}}}
    found = staged(compose=compose, **checked)
    assert text(found["start"]) == "db\napp db\n"
    assert "root/etc/systemd/system/provisimus-containers.service" in found
    assert "root/etc/systemd/system/provisimus-containers.service" not in staged()


def test_the_system_is_set_up_as_the_definition_says() -> None:
    found = staged()
    assert text(found["root/etc/systemd/journald.conf.d/60-provisimus.conf"]) == (
        "[Journal]\nSystemMaxUse=200M\nMaxRetentionSec=2592000\n"
    )
    assert [text(found[name]) for name in ("docker", "updates", "zone")] == ["", "", "Etc/UTC\n"]

    found = staged(
        docker={"engine": "20.10", "compose": "1.29.2"},
        updates={"install": "security", "as_of": "2026-11-01", "unattended": True},
        time={"zone": "Europe/Amsterdam", "servers": ["169.254.169.123"]},
        journal={"size": "1 GiB", "keep": "7d"},
    )
    assert text(found["docker"]) == "engine 20.10\ncompose 1.29.2\n"
    assert text(found["updates"]) == "security\nunattended\n"
    assert text(found["zone"]) == "Europe/Amsterdam\n"
    assert text(found["root/etc/systemd/timesyncd.conf.d/60-provisimus.conf"]) == (
        "[Time]\nNTP=169.254.169.123\n"
    )
    assert text(found["root/etc/chrony/sources.d/provisimus.sources"]) == (
        "server 169.254.169.123 iburst prefer\n"
    )
    assert "Debian-Security" in text(found["root/etc/apt/apt.conf.d/60provisimus-unattended"])


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("docker", {"engine": "latest"}),
        ("docker", {"engine": "20.10; reboot"}),
        ("updates", {"install": "some"}),
        ("time", {"zone": "../../etc/passwd"}),
        ("time", {"servers": ["a b"]}),
        ("journal", {"size": "big"}),
    ],
)
def test_what_would_break_the_system_is_refused(key: str, said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        staged(**{key: said})


@pytest.mark.parametrize(
    ("health", "settings"),
    [
        ({"container": "greeter"}, "way=container\nwhat=greeter\n"),
        ({"run": ["check", "it is up"]}, "way=run\nwhat='check '\"'\"'it is up'\"'\"''\n"),
    ],
)
def test_health_is_asked_in_other_ways_too(health: dict[str, object], settings: str) -> None:
    checked = {"greeter": {"health": {"run": ["true"]}}}
    found = staged(health={**health, "within": "1m"}, containers=checked)
    assert text(found["root/etc/provisimus/health"]) == settings + "within=60\nevery=30\n"


@pytest.mark.parametrize(
    ("health", "why"),
    [
        ({}, "say one of http, container and run"),
        ({"http": {"port": 1}, "run": ["x"]}, "say one of http, container and run"),
        (
            {"container": "greeter"},
            "health asks the container 'greeter', which has no health check",
        ),
    ],
)
def test_health_is_asked_in_one_way(health: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        staged(health=health)
