"""packer.lock: how it is written and read, and which pins are sound."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.machines.definition import MachineFiles
from provisimus.machines.lock import (
    LockedBase,
    PackerLock,
    as_text,
    asked_for,
    read_lock,
    write_lock,
)
from provisimus.machines.locking import pins
from provisimus.machines.plan import base_identity, machine_inputs
from provisimus.workspace import Workspace, open_workspace
from provisimus.workspace.definitions.machine import Machine
from provisimus.workspace.definitions.project import AwsBase, Base
from provisimus.workspace.problems import parse

ASKED = "136693071363: debian-12-amd64-*"
PINNED = LockedBase(
    ASKED,
    "eu-west-1",
    "ami-0123456789abcdef0",
    "debian-12-amd64-20260101-1",
    "136693071363",
    "2026-01-01T00:00:00.000Z",
)
LOCK = PackerLock({("debian-12", "staging"): PINNED})
TEXT = """\
bases:
  debian-12:
    staging:
      asked: "136693071363: debian-12-amd64-*"
      region: "eu-west-1"
      image: "ami-0123456789abcdef0"
      name: "debian-12-amd64-20260101-1"
      owner: "136693071363"
      created: "2026-01-01T00:00:00.000Z"
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    (tmp_path / "packer/greeter").mkdir(parents=True)
    (tmp_path / "packer/greeter/machine.yaml").write_text("base: debian-12\nmain: greeter\n")
    (tmp_path / "provisimus.yaml").write_text(
        "project: acme\n"
        "bases:\n"
        '  debian-12: {aws: {owner: "136693071363", name: "debian-12-amd64-*"}}\n'
        "  unused: {aws: {ssm: /some/parameter}}\n"
        "environments:\n"
        "  local: {provider: local}\n"
        '  staging: {provider: aws, account: "111122223333", region: eu-west-1}\n'
        '  production: {provider: aws, account: "444455556666", region: eu-west-1}\n'
    )
    return open_workspace(tmp_path)


def test_it_is_text_that_people_review() -> None:
    head, text = as_text(LOCK).split("\nbases:")
    assert "commit it" in head
    assert f"bases:{text}" == TEXT


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lock = LOCK.having("debian-12", "production", replace(PINNED, region="us-east-1"))
    assert read_lock(tmp_path) == PackerLock()
    write_lock(tmp_path, lock)
    assert read_lock(tmp_path) == lock
    before = (tmp_path / "packer.lock").stat()
    write_lock(tmp_path, lock)
    assert (tmp_path / "packer.lock").stat().st_ino == before.st_ino


@pytest.mark.parametrize("text", ["bases: 3", "bases: {x: {y: {image: z}}}", "bases: {x: 1}", "7"])
def test_what_is_no_lock_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "packer.lock").write_text(text)
    with pytest.raises(InvalidDefinitions) as caught:
        read_lock(tmp_path)
    (problem,) = caught.value.problems
    assert problem.file == str(tmp_path / "packer.lock")
    assert "provisimus machine lock --update" in str(problem.hint)


def test_a_pin_counts_for_what_was_asked_in_its_region() -> None:
    assert LOCK.pin("debian-12", "staging", "eu-west-1", ASKED) == PINNED
    assert LOCK.pin("debian-12", "production", "eu-west-1", ASKED) is None
    assert LOCK.pin("debian-12", "staging", "us-east-1", ASKED) is None
    assert LOCK.pin("debian-12", "staging", "eu-west-1", "136693071363: debian-13-*") is None


def test_what_is_asked_in_words() -> None:
    assert asked_for(AwsBase(owner="1", name="x-*")) == "1: x-*"
    assert asked_for(AwsBase(ssm="/a/b")) == "/a/b"


def fingerprint(pin: LockedBase | None) -> str:
    base = Base(aws=AwsBase(owner="136693071363", name="debian-12-amd64-*"))
    return machine_inputs(
        machine="greeter",
        version="1.0.0",
        definition=parse(Machine, {"base": "debian-12", "main": "greeter"}),
        files=MachineFiles(),
        base=base_identity(base, local=False, pin=pin),
        images={},
    )["base"]


def test_a_pin_is_an_input_and_the_same_in_all_regions() -> None:
    elsewhere = replace(PINNED, region="us-east-1", image="ami-2", created="2026-01-02")
    assert fingerprint(PINNED) == fingerprint(elsewhere)
    assert fingerprint(PINNED) != fingerprint(replace(PINNED, name="debian-12-amd64-20260201-1"))
    assert fingerprint(PINNED) != fingerprint(None)


def test_what_is_pinned_and_what_is_not(workspace: Workspace) -> None:
    lock = LOCK.having("gone", "staging", PINNED)
    assert [
        (each.base, each.environment, each.image, each.why) for each in pins(workspace, lock)
    ] == [
        ("debian-12", "production", "", "not pinned: each bake takes the newest"),
        ("debian-12", "staging", PINNED.image, ""),
        ("gone", "staging", PINNED.image, "no machine refers to it"),
    ]
    assert len(pins(workspace, lock, "production")) == 1


def test_a_pin_of_another_question_is_told(workspace: Workspace) -> None:
    lock = PackerLock({("debian-12", "staging"): replace(PINNED, asked="/some/parameter")})
    (found,) = pins(workspace, lock, "staging")
    assert found.why == f"pinned when something else was asked for; now: {ASKED}"
