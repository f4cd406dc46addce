"""What the definition wants, what was deployed last, and what is there, property by property. Pure.

Where the last two differ, somebody changed it by hand; an apply puts the definition in place of
both, but only where CloudFormation sees a change between the first two.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisimus.stacks.drift import DriftedResource
from provisimus.stacks.property_changes import shown
from provisimus.stacks.resource_change import ResourceChange

Verdict = Literal["by hand", "by hand, and stays", "by hand, as the definition", "deleted by hand"]


@dataclass(frozen=True)
class ThreeWay:
    """One property in three places; None where it has none.

    `verdict` is `by hand` where an apply brings the definition's value, `by hand, and stays` where
    the definition is as deployed, so that no update touches it; `by hand, as the definition` where
    somebody did already what the definition wants.
    """

    logical_id: str
    kind: str
    path: str
    definition: str | None
    deployed: str | None
    live: str | None
    verdict: Verdict

    @property
    def line(self) -> str:
        here = self.live if self.live is not None else "nothing"
        was = self.deployed if self.deployed is not None else "nothing"
        wanted = self.definition if self.definition is not None else "nothing"
        if self.verdict == "deleted by hand":
            return f"{self.logical_id}: deleted by hand"
        where = f"{self.logical_id} {self.path}"
        return f"{where}: wanted {wanted}, deployed {was}, there is {here}: {self.verdict}"


def three_way(
    drifted: Iterable[DriftedResource], changes: Iterable[ResourceChange]
) -> tuple[ThreeWay, ...]:
    """Every property that was changed by hand. `changes` is what an apply would change."""
    planned = {each.logical_id: each for each in changes}
    found = []
    for each in drifted:
        change = planned.get(each.logical_id)
        if each.status == "DELETED":
            found.append(
                ThreeWay(each.logical_id, each.kind, "", None, None, None, "deleted by hand")
            )
        for one in each.differences:
            path = one.path.strip("/")
            wanted = _wanted(change, path, one.expected)
            deployed = one.expected or None
            live = one.actual or None
            found.append(
                ThreeWay(
                    each.logical_id,
                    each.kind,
                    path,
                    _shown(path, wanted),
                    _shown(path, deployed),
                    _shown(path, live),
                    _verdict(wanted, deployed, live),
                )
            )
    return tuple(found)


def _verdict(wanted: str | None, deployed: str | None, live: str | None) -> Verdict:
    if wanted == live:
        return "by hand, as the definition"
    return "by hand, and stays" if wanted == deployed else "by hand"


def _wanted(change: ResourceChange | None, path: str, deployed: str) -> str | None:
    """What the definition says at a path: what the change brings, else what was deployed."""
    if change is None:
        return deployed or None
    if change.action == "Remove":
        return None
    if path.partition("/")[0] not in change.properties:
        return deployed or None
    value: Any = change.after or {}
    for step in path.split("/"):
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    if value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _shown(path: str, value: str | None) -> str | None:
    return None if value is None else shown(path, value)
