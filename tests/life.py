"""The life of a stack, told by the command line: planned, made, kept, updated, replaced, failed,
rolled back, mended, deleted, and nothing left.

A `Life` is what differs from type to type; `live` is the story, the same for all of them. What
`stack plan` says of each change is compared whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from click.testing import CliRunner, Result
from tests.in_sync import differing
from tests.world import more, world_of

from provisimus.cli.app import provisimus
from provisimus.errors import Refused, RolledBack
from provisimus.workspace import open_workspace

PROJECT = "life"
OF_USER_DATA = re.compile(r"^(Instance|Healthy)[0-9a-f]{8}$")
"""Logical ids of a machine and of what waits for it (stacks/types/service.py)."""


@dataclass(frozen=True)
class Change:
    """Another definition, and what the plan says of it: `action: effect` by logical id. `allow` is
    what holds data and must be allowed to go by name."""

    text: str
    says: Mapping[str, str]
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A change that fails, by itself or by a `fault` of the local cloud. `cause` matches what the
    first cause is said to be; `mended` is a definition that works, the same one by default."""

    text: str
    cause: str
    fault: Mapping[str, Any] = field(default_factory=dict)
    mended: str = ""
    back: str = "UPDATE_ROLLBACK_COMPLETE"
    """The status when all is as it was: that of a rollback, or of the update that brought it back
    where the change took more than one."""
    stray: Mapping[str, int] = field(default_factory=dict)
    """What the failed change leaves behind, by type."""


@dataclass(frozen=True)
class Life:
    """What a stack goes through. `around` are the stacks that it uses, by name, in their order.

    `stays` is how much of what type is there when all stacks are gone, because it was said so.
    """

    born: str
    update: Change
    replacement: Change
    failure: Failure
    around: Mapping[str, str] = field(default_factory=dict)
    stays: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    by_hand: Callable[[Desk], None] = lambda _: None
    """What must be tidied before the stacks that it uses can go."""


@dataclass
class Desk:
    """A workspace with one stack that is told of, and the local cloud in which it lives."""

    root: Path
    url: str
    client: Callable[[str], Any]
    service: str = "it"

    def declare(self, text: str, name: str = "") -> None:
        (self.root / f"stacks/{name or self.service}.yaml").write_text(text)

    def run(self, verb: str, *arguments: str, fails: type[Exception] | None = None) -> Result:
        done = CliRunner().invoke(provisimus, ["stack", verb, *arguments, "-C", str(self.root)])
        failed = done.exception
        if fails is None:
            assert done.exit_code == 0, (done.output[-6000:], failed)
        else:
            assert isinstance(failed, fails), (done.output[-6000:], failed)
        return done

    def data(self, verb: str, *arguments: str) -> Any:
        return json.loads(self.run(verb, *arguments, "--json").stdout)

    def plan(self, *arguments: str) -> list[Any]:
        """What would be done to each of the service's stacks."""
        found = json.loads(self.run("plan", self.service, *arguments, "--json").stdout)
        stacks: list[Any] = found["stacks"]
        return stacks

    def apply(self, *arguments: str, fails: type[Exception] | None = None) -> Result:
        return self.run("apply", self.service, "--yes", "--quiet", *arguments, fails=fails)

    @property
    def names(self) -> list[str]:
        """Its stacks: those of its members where it is a cluster."""
        members = open_workspace(self.root).members(self.service, "local")
        return [f"{PROJECT}-local-{each}" for each in members or [self.service]]

    def status(self) -> set[str]:
        formation = self.client("cloudformation")
        return {
            formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
            for name in self.names
        }

    def causes(self) -> list[str]:
        """What is wrong with each of its stacks. The first member of a cluster is changed first."""
        seen = self.data("diagnose", self.service)
        return [each["first_cause"] for each in (seen if isinstance(seen, list) else [seen])]

    def resources(self) -> dict[str, str]:
        """Physical ids by stack and logical id."""
        formation = self.client("cloudformation")
        return {
            f"{name}/{each['LogicalResourceId']}": each["PhysicalResourceId"]
            for name in self.names
            for each in formation.list_stack_resources(StackName=name)["StackResourceSummaries"]
        }

    def as_declared(self) -> None:
        """Everything is as the stack's template says, property by property."""
        formation = self.client("cloudformation")
        assert {name: found for name in self.names if (found := differing(formation, name))} == {}

    def fault(self, given: Mapping[str, Any]) -> None:
        answer = httpx.post(f"{self.url}/_localcloud/faults", json=dict(given), timeout=20)
        assert answer.status_code == 200, answer.text

    def heal(self) -> None:
        httpx.delete(f"{self.url}/_localcloud/faults", timeout=20)


def live(desk: Desk, life: Life) -> None:
    """The story. What was there before is there after, and no more than `life.stays`."""
    before = world_of(desk.client)
    surround(desk, life)
    desk.declare(life.born)
    [*planned] = desk.plan()
    assert {each["change"] for each in planned} == {"create"}
    assert {one["action"] for each in planned for one in each["changes"]} == {"create"}
    desk.apply()
    assert desk.status() == {"CREATE_COMPLETE"}
    desk.as_declared()

    unchanged(desk)
    desk.apply()
    assert desk.status() == {"CREATE_COMPLETE"}

    update(desk, life.update)
    replace(desk, life.replacement)
    fail(desk, life.replacement.text, life.failure)
    leave(desk, life)
    after = world_of(desk.client)
    assert more(before, after) == {}
    stays: dict[str, int] = dict(life.stays)
    for kind, count in life.failure.stray.items():
        stays[kind] = stays.get(kind, 0) + count
    left = more(after, before)
    assert {kind: len(names) for kind, names in left.items()} == stays, left


def surround(desk: Desk, life: Life) -> None:
    """Make the stacks that it uses."""
    for path, text in life.files.items():
        (desk.root / path).parent.mkdir(parents=True, exist_ok=True)
        (desk.root / path).write_text(text)
    for name, text in life.around.items():
        desk.declare(text, name)
        desk.run("apply", name, "--yes", "--quiet")


def unchanged(desk: Desk) -> None:
    assert {each["change"] for each in desk.plan("--exit-code")} == {"none"}


def update(desk: Desk, change: Change) -> None:
    """In place: everything that was there is the same thing afterwards."""
    before = desk.resources()
    desk.declare(change.text)
    assert said(desk.plan()) == change.says
    desk.apply(*allowing(change.allow))
    assert desk.status() == {"UPDATE_COMPLETE"}
    after = desk.resources()
    assert {name: after.get(name) for name in before} == before
    desk.as_declared()
    unchanged(desk)


def replace(desk: Desk, change: Change) -> None:
    """What the plan said is replaced is another thing afterwards; everything else is the same."""
    before = desk.resources()
    desk.declare(change.text)
    plan = desk.plan(*allowing(change.allow))
    assert said(plan) == change.says
    if change.allow:
        refused = desk.apply(fails=Refused).exception
        assert all(f"--allow {name}" in str(getattr(refused, "hint", "")) for name in change.allow)
        assert desk.resources() == before
    desk.apply(*allowing(change.allow))
    assert desk.status() == {"UPDATE_COMPLETE"}
    after = desk.resources()
    moved = {name for name in before if after.get(name) != before[name]}
    surely, perhaps = named(plan, "replace", "delete"), named(plan, "perhaps replace")
    assert surely <= moved <= surely | perhaps
    desk.as_declared()
    unchanged(desk)


def fail(desk: Desk, works: str, failure: Failure) -> None:
    """A change that does not work out: what was there is there again, and why is said."""
    before, world = desk.resources(), world_of(desk.client)
    if failure.fault:
        desk.fault(failure.fault)
    desk.declare(failure.text)
    done = desk.apply(fails=RolledBack)
    assert re.search(failure.cause, str(done.exception)), done.exception
    desk.heal()
    assert desk.status() == {failure.back}
    cause = desk.causes()[0]
    assert re.search(failure.cause, cause), cause
    assert desk.resources() == before
    desk.as_declared()
    strays = more(world_of(desk.client), world)
    assert {kind: len(names) for kind, names in strays.items()} == failure.stray, strays
    desk.declare(works)
    unchanged(desk)
    desk.declare(failure.mended or failure.text)
    desk.apply()
    assert desk.status() == {"UPDATE_COMPLETE"}
    desk.as_declared()
    unchanged(desk)


def leave(desk: Desk, life: Life) -> None:
    """Delete it, and then what it used."""
    gone = {*desk.names}
    desk.run("delete", desk.service, "--yes", "--quiet")
    life.by_hand(desk)
    for name in [*life.around][::-1]:
        desk.run("delete", name, "--yes", "--quiet")
    listed = {each["name"] for each in desk.data("list")}
    assert not listed & gone


def said(stacks: Iterable[Any]) -> dict[str, str]:
    """`action: effect` by logical id, the same in each of the stacks."""
    [first, *others] = map(_said, stacks)
    assert all(each == first for each in others), (first, others)
    return first


def _said(stack: Any) -> dict[str, str]:
    """Ids that end with a hash of the user data, which name the member, without it."""
    found = {
        OF_USER_DATA.sub(r"\1", each["logical_id"]): (
            f"{each['action']}: {each['effect']}".removesuffix(": ")
        )
        for each in stack["changes"]
    }
    assert len(found) == len(stack["changes"]), stack["changes"]
    return found


def named(stacks: Iterable[Any], *actions: str) -> set[str]:
    """The resources to which one of these is done, as `resources` calls them."""
    return {
        f"{stack['stack']}/{each['logical_id']}"
        for stack in stacks
        for each in stack["changes"]
        if each["action"] in actions
    }


def allowing(names: Iterable[str]) -> list[str]:
    return [part for name in names for part in ("--allow", name)]


def cached(client: Callable[[str], Any]) -> Callable[[str], Any]:
    """Making one of boto3's clients takes longer than most questions to it."""
    return cache(client)
