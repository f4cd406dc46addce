"""What many that are worked on at once are at, as values: a branch for each, grown by events.

A step of the branch NAME is told as `NAME: step`, the branch itself as `NAME` (events.about).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from provisimus.events import Event, Failed, Finished, Progress, Said, Skipped, Started

_OF_A_RESOURCE = re.compile(r"(?P<status>[A-Z_]{9,})\s+(?P<name>\S+) \((?P<kind>[\w:]+)\)")
"""What a stack's event says: StackEvent.line."""


@dataclass(frozen=True)
class Leaf:
    """One resource in an operation. Times in seconds of one clock; `ended` None is under way."""

    name: str
    kind: str
    status: str
    began: float
    ended: float | None = None


@dataclass(frozen=True)
class Branch:
    """One stack: `mark` is that of plain lines, `ended` None is under way."""

    name: str
    began: float
    step: str = ""
    said: str = ""
    mark: str = "·"
    ended: float | None = None
    leaves: Mapping[str, Leaf] = field(default_factory=dict)


Branches = Mapping[str, Branch]


def grown(branches: Branches, event: Event, now: float) -> Branches:
    """The branches after an event that was heard at `now`. Pure."""
    whole = getattr(event, "step", "")
    name, _, inner = whole.partition(": ")
    if not name:
        return branches
    before = branches.get(name) or Branch(name, now)
    after = _inside(before, event, inner, now) if inner else _itself(before, event, now)
    return {**branches, name: after}


def _itself(branch: Branch, event: Event, now: float) -> Branch:
    match event:
        case Started(_, reason):
            return Branch(branch.name, now, said=reason)
        case Finished(_, _, result):
            return replace(branch, mark="✓", said=result, step="", ended=now)
        case Failed(_, _, error):
            return replace(branch, mark="✗", said=error, step="", ended=now)
        case Skipped(_, reason):
            return replace(branch, mark="=", said=reason, step="", ended=now)
        case _:
            return branch


def _inside(branch: Branch, event: Event, step: str, now: float) -> Branch:
    match event:
        case Started(_, reason):
            return replace(branch, step=step, said=reason, leaves={})
        case Said(_, text) if found := _OF_A_RESOURCE.match(text):
            leaf = _leaf(branch.leaves.get(found["name"]), found, now)
            return replace(branch, step=step, leaves={**branch.leaves, leaf.name: leaf})
        case Said(_, text):
            return replace(branch, step=step, said=text.strip())
        case Progress(_, done, total, unit):
            of = f" of {total}" if total else ""
            return replace(branch, step=step, said=f"{done}{of} {unit}")
        case Finished() | Failed():
            return replace(branch, step="", said="")
        case _:
            return branch


def _leaf(before: Leaf | None, found: re.Match[str], now: float) -> Leaf:
    status = found["status"]
    began = before.began if before and before.ended is None else now
    ended = None if status.endswith("_IN_PROGRESS") else now
    return Leaf(found["name"], found["kind"], status, began, ended)
