"""Stacks that no definition declares any more, found by the tags that say whose they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from provisimus.environment import Environment
from provisimus.model import Stack
from provisimus.stacks import live


@dataclass(frozen=True)
class Orphans:
    """In the order in which they can go: who uses another goes before it."""

    stacks: tuple[Stack, ...]
    kept: tuple[tuple[Stack, str], ...] = ()
    """Those that stay, and why."""

    @property
    def services(self) -> frozenset[str]:
        return frozenset(map(service_of, self.stacks))


def find_orphans(environment: Environment, project: str, declared: Iterable[str]) -> Orphans:
    """What of the project's stacks in the environment no definition declares."""
    return choose(live.list_stacks(environment, project), frozenset(declared))


def choose(stacks: Iterable[Stack], declared: frozenset[str]) -> Orphans:
    """Which can go, and in which order; what a declared one uses stays."""
    every = tuple(stacks)
    orphans = [each for each in every if service_of(each) not in declared]
    needed = _used_by(each for each in every if service_of(each) in declared)
    kept: list[tuple[Stack, str]] = []
    going: list[Stack] = []
    for each in orphans:
        users = sorted(needed.get(service_of(each), ()))
        if users:
            kept.append((each, f"used by {', '.join(users)}"))
        elif live.state_of(each.status) == "busy":
            kept.append((each, f"busy: {each.status}"))
        else:
            going.append(each)
    return Orphans(users_first(going), tuple(kept))


def service_of(stack: Stack) -> str:
    return stack.tags.get(live.SERVICE, "unknown")


def _used_by(stacks: Iterable[Stack]) -> dict[str, set[str]]:
    """The users of each service."""
    found: dict[str, set[str]] = {}
    for each in stacks:
        for used in each.tags.get(live.USES, "").split():
            found.setdefault(used, set()).add(service_of(each))
    return found


def users_first(stacks: list[Stack]) -> tuple[Stack, ...]:
    """The stacks, each after those that use it, otherwise by name. Pure."""
    left = sorted(stacks, key=lambda each: each.name)
    ordered: list[Stack] = []
    while left:
        used = _used_by(left)
        free = [each for each in left if not used.get(service_of(each), set()) - {service_of(each)}]
        ordered += free or left  # a cycle was never made; but if it was, nothing goes lost here
        left = [] if not free else [each for each in left if each not in free]
    return tuple(ordered)
