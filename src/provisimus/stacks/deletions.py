"""Deleting many stacks: which go, who goes before whom, and what stays of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from provisimus.environment import Environment
from provisimus.errors import Refused
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.delete import plan_delete, retained
from provisimus.stacks.pruning import service_of, users_first


@dataclass(frozen=True)
class Going:
    """A stack that goes, and what stays of it: snapshots by their mounts, resources by name."""

    stack: Stack
    snapshots: tuple[str, ...] = ()
    retained: tuple[str, ...] = ()

    @property
    def service(self) -> str:
        return service_of(self.stack)

    @property
    def stays(self) -> str:
        """In words; empty for nothing."""
        kept = [f"a snapshot of {', '.join(self.snapshots)}"] if self.snapshots else []
        kept += [", ".join(self.retained)] if self.retained else []
        return " and ".join(kept) + (" stays" if kept else "")


@dataclass(frozen=True)
class Deletions:
    """What goes, users first, and what is kept with the reason."""

    going: tuple[Going, ...]
    kept: Mapping[str, Refused]

    def before(self) -> dict[str, tuple[str, ...]]:
        """By service, those that go before it, because they use it."""
        users = {each.service: each.stack.tags.get(live.USES, "").split() for each in self.going}
        return {name: tuple(u for u, used in users.items() if name in used) for name in users}


def plan_deletions(environment: Environment, project: str, stacks: Iterable[Stack]) -> Deletions:
    """What of these would go. One that may not stays, and so does what it uses. Read-only."""
    ordered = users_first(list(stacks))
    left = {service_of(each) for each in ordered}
    going: list[Going] = []
    kept: dict[str, Refused] = {}
    for each in ordered:
        service = service_of(each)
        try:
            stack, volumes = plan_delete(
                environment, project, service, name=each.name, going=frozenset(left)
            )
        except Refused as refused:
            left.discard(service)
            kept[each.name] = refused
            continue
        template = live.template_of(environment, stack)
        going.append(Going(stack, tuple(volumes), tuple(retained(template))))
    return Deletions(tuple(going), kept)
