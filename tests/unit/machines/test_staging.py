"""The archive that Packer uploads: what is in it, and the units that it carries."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.machines.compose import ComposeFile
from provisimus.machines.definition import Entry, MachineFiles
from provisimus.machines.staging import staging, write_archive
from provisimus.workspace.definitions.machine import Machine

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ ops@acme"
COMPOSE = ComposeFile("services: {}\n", ("greeter",))


def staged(
    files: MachineFiles | None = None, compose: ComposeFile = COMPOSE, **more: object
) -> dict[str, Entry]:
    machine = Machine.model_validate({"base": "debian-12", "main": "greeter", **more})
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
        *("steps/20-files", "steps/30-docker", "steps/40-users", "steps/50-images"),
        *("steps/60-setup", "steps/70-containers", "steps/85-sbom", "steps/90-clean"),
        *("steps/95-search", "steps/99-leave"),
    ]
    assert [path for path in found if path.endswith((".service", ".timer"))] == [
        "root/etc/systemd/system/provisimus-bootstrap.service"
    ]


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


def test_health_brings_its_timer() -> None:
    found = staged(health={"http": {"port": 8080, "path": "/health"}, "every": "30s"})
    assert text(found["root/etc/provisimus/health"]) == (
        "url=http://127.0.0.1:8080/health\nwithin=300\n"
    )
    timer = text(found["root/etc/systemd/system/provisimus-health.timer"])
    assert "OnUnitInactiveSec=30\n" in timer


def test_a_setup_script_with_an_interpreter_becomes_executable() -> None:
    found = staged(MachineFiles(setup=(Entry("10-x", 0o644, b"#!/bin/sh\n"),)))
    assert found["setup/10-x"].mode == 0o755


def test_engine_settings_of_the_users_own_win() -> None:
    own = Entry("etc/docker/daemon.json", 0o644, b"{}")
    found = staged(MachineFiles(files=(own,)))
    assert found["root/etc/docker/daemon.json"].content == b"{}"
    assert "restart-docker" in found


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
