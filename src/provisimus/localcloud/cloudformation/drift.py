"""How what is there differs from what a template says. Pure.

Source: CloudFormation user guide, "Detect unmanaged configuration changes to stacks and resources
with drift detection"; API reference of StackResourceDrift and PropertyDifference. Only what the
template names is compared. Keys of KMS never are; and what a dynamic reference stands for is not
read back, so that no secret gets into an answer.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.cloudformation.handlers.interface import Attachment
from provisimus.localcloud.cloudformation.schemas import TypeSchema

NEVER = "KmsKeyId"
_IDENTITIES = ("Key", "DeviceName", "PolicyName")
"""By these, items of a list are the same thing with another content."""

_NOTHING: tuple[Any, ...] = (None, "", [], {})
"""What a service does not tell where it was asked for."""


@dataclass(frozen=True)
class Difference:
    """One of a resource's PropertyDifferences; values are JSON texts or strings."""

    path: str
    expected: str
    actual: str
    kind: str


@dataclass(frozen=True)
class ResourceDrift:
    """The result for one resource, when it was last looked at."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    timestamp: float
    expected: str | None = None
    actual: str | None = None
    differences: tuple[Difference, ...] = ()
    reason: str | None = None

    @property
    def drifted(self) -> bool:
        return self.status in ("MODIFIED", "DELETED")


@dataclass(frozen=True)
class Detection:
    """One DetectStackDrift; the rest is told when it is over."""

    id: str
    begun: float
    status: str = "DETECTION_IN_PROGRESS"
    reason: str | None = None
    stack_status: str | None = None
    drifted: int | None = None


def whole(
    expected: Mapping[str, Any],
    live: Mapping[str, Any],
    honoured: Collection[str],
    untold: Collection[str],
) -> dict[str, Any]:
    """The live properties with those that the resource does not have: a list of nothing, or None.

    So that no property of a template goes without being compared but those that are named as
    untold.
    """
    names = {path.partition("/")[0] for path in honoured} - set(untold)
    nothing: dict[str, Any] = {
        name: [] if isinstance(expected.get(name), list) else None for name in names
    }
    return {**nothing, **{name: live[name] for name in live if live[name] is not None}}


def comparable(
    expected: Mapping[str, Any], live: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Of both sides the properties that can be compared."""
    names = [
        name
        for name in expected
        if name in live and name != NEVER and "{{resolve:" not in json.dumps(expected[name])
    ]
    return {name: expected[name] for name in names}, {name: live[name] for name in names}


def without_foreign_tags(
    live: Mapping[str, Any], expected: Mapping[str, Any], tags: Mapping[str, str], name: str | None
) -> dict[str, Any]:
    """The live properties without tags that the stack or CloudFormation put on the resource."""
    told = live.get(name or "")
    if name is None or not told:
        return dict(live)
    own = expected.get(name) or []
    named = set(own) if isinstance(own, Mapping) else {each["Key"] for each in own}

    def foreign(key: str) -> bool:
        return key not in named and (key in tags or key.startswith("aws:"))

    if isinstance(told, Mapping):
        return {**live, name: {key: value for key, value in told.items() if not foreign(key)}}
    return {**live, name: [each for each in told if not foreign(each["Key"])]}


def without_attached(
    live: Mapping[str, Any], expected: Mapping[str, Any], attached: Iterable[Attachment]
) -> dict[str, Any]:
    """The live properties without what other resources of the stack have added to its lists."""
    told = dict(live)
    for each in attached:
        items = list(told.get(each.property) or [])
        own = expected.get(each.property) or []
        added = next((i for i in items if i not in own and _is(i, each.item)), None)
        if added is not None:
            items.remove(added)
            told[each.property] = items
    return told


def _is(item: Any, known: Any) -> bool:
    """Whether an item is the one of which something is known."""
    if not isinstance(known, Mapping):
        return bool(item == known)
    return isinstance(item, Mapping) and all(
        str(item.get(key)) == str(value) for key, value in known.items()
    )


def differences(
    expected: Mapping[str, Any], live: Mapping[str, Any], schema: TypeSchema
) -> list[Difference]:
    """Where two sides of the same names differ, in the order of the template."""
    return [
        each
        for name in expected
        for each in _compare(f"/{name}", expected[name], live[name], schema, schema.at(name))
    ]


def shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _compare(
    path: str, expected: Any, live: Any, schema: TypeSchema, node: Mapping[str, Any]
) -> Iterator[Difference]:
    node = schema.resolved(node)
    if live is None:
        if expected not in _NOTHING:
            yield Difference(path, shown(expected), "null", "REMOVE")
    elif isinstance(expected, Mapping) and isinstance(live, Mapping):
        known = node.get("properties")
        for key, value in expected.items():
            if key != NEVER:
                inner = (known or {}).get(key, {})
                yield from _compare(f"{path}/{key}", value, live.get(key), schema, inner)
        for key in live:
            # A document such as a policy counts whole; of other objects, what is named.
            if known is None and key not in expected:
                yield Difference(f"{path}/{key}", "null", shown(live[key]), "ADD")
    elif isinstance(expected, list) and isinstance(live, list):
        yield from _compare_lists(path, expected, live, schema, node.get("items", {}))
    elif expected != live:
        yield Difference(path, shown(expected), shown(live), "NOT_EQUAL")


def _compare_lists(
    path: str, expected: list[Any], live: list[Any], schema: TypeSchema, node: Mapping[str, Any]
) -> Iterator[Difference]:
    """Equal items are found wherever they stand; others by what identifies them, or by place."""

    def compare(index: int, other: int) -> list[Difference]:
        found = _compare(f"{path}/{index}", expected[index], live[other], schema, node)
        return list(found)

    missing, surplus = list(range(len(expected))), list(range(len(live)))
    for index in list(missing):
        same = next((other for other in surplus if not compare(index, other)), None)
        if same is not None:
            missing.remove(index)
            surplus.remove(same)
    for index in list(missing):
        identity = _identity(expected[index])
        if identity is None:
            other = index if index in surplus and _identity(live[index]) is None else None
        else:
            other = next((o for o in surplus if _identity(live[o]) == identity), None)
        if other is not None:
            missing.remove(index)
            surplus.remove(other)
            yield from compare(index, other)
    for index in missing:
        yield Difference(f"{path}/{index}", shown(expected[index]), "null", "REMOVE")
    for index in surplus:
        yield Difference(f"{path}/{index}", "null", shown(live[index]), "ADD")


def _identity(item: Any) -> tuple[str, Any] | None:
    if isinstance(item, Mapping):
        for key in _IDENTITIES:
            if key in item:
                return key, item[key]
    return None
