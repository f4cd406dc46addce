"""What a change set tells: the changes between what a stack is and what a deployment wants.

Pure. Rules of the CloudFormation API reference (ResourceChange, ResourceTargetDefinition): a
reference to a resource that will be replaced is a Dynamic change, and a property that always
replaces then makes the replacement Conditional.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from provisimus.localcloud.cloudformation.handlers.interface import Shape
from provisimus.localcloud.cloudformation.intrinsics import (
    UNKNOWN_RESOURCE,
    Context,
    ResourceValue,
)
from provisimus.localcloud.cloudformation.parameters import (
    ParameterValue,
    hidden_by,
    masked,
)
from provisimus.localcloud.cloudformation.references import references
from provisimus.localcloud.cloudformation.schemas import schema_of
from provisimus.localcloud.cloudformation.shapes import (
    Fate,
    active,
    changed_properties,
    fate,
    removal_order,
    wanted_shape,
)
from provisimus.localcloud.cloudformation.stack import Deployment, Resource, Stack
from provisimus.localcloud.cloudformation.template import ResourceDefinition, Template


@dataclass(frozen=True)
class Cause:
    """Why a property changes."""

    source: str
    entity: str | None
    evaluation: str


@dataclass(frozen=True)
class Detail:
    """One reason for one attribute of a resource to change; values are JSON texts or strings."""

    attribute: str
    name: str | None
    recreation: str
    cause: Cause
    before: str | None
    after: str | None

    @property
    def kind(self) -> str:
        if self.before is None:
            return "Add"
        return "Remove" if self.after is None else "Modify"


@dataclass(frozen=True)
class Change:
    """What will happen to one resource."""

    action: str
    logical_id: str
    physical_id: str | None
    type: str
    replacement: str | None = None
    policy_action: str | None = None
    details: tuple[Detail, ...] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None

    @property
    def scope(self) -> list[str]:
        return sorted({detail.attribute for detail in self.details})


def changes(
    stack: Stack,
    old: Template | None,
    new: Template,
    deployment: Deployment,
    context: Context,
) -> list[Change]:
    """Every change to the stack's resources, removals last.

    `context` is that of the new deployment, without resources. Raises ValidationError.
    """
    result: list[Change] = []
    known: dict[str, ResourceValue] = {
        name: ResourceValue(str(each.physical_id), each.attributes)
        for name, each in stack.resources.items()
    }
    fates: dict[str, Fate] = {}
    wanted = active(new, context)
    reasons = _Reasons(stack, old, deployment, fates)
    hidden = hidden_by(deployment.parameters) | hidden_by(_parameters(stack))
    for name, entry in wanted.items():
        now = replace(context, resources=known)
        shape = wanted_shape(entry, now, deployment.tags, stack.system_tags(name))
        record = stack.resources.get(name)
        if record is not None and record.status == "CREATE_FAILED":
            record = None
        fates[name] = fate(record, shape, entry)
        if fates[name] in ("add", "replace"):
            known[name] = UNKNOWN_RESOURCE
        if record is None:
            after = masked({"Properties": dict(shape.properties)}, hidden)
            result.append(Change("Add", name, None, entry.type, after=after))
        else:
            change = _modify(record, entry, shape, fates[name], reasons)
            if change.details:
                result.append(_masked(change, hidden))
    result += [
        _removal(stack.resources[name], hidden)
        for name in removal_order(stack.resources)
        if name not in wanted
    ]
    return result


def _removal(record: Resource, hidden: frozenset[str]) -> Change:
    policy = "Delete" if record.deletion_policy == "Delete" else record.deletion_policy
    return Change(
        "Remove",
        record.logical_id,
        record.physical_id,
        record.type,
        policy_action="Retain" if policy.startswith("Retain") else policy,
        before=masked({"Properties": dict(record.properties)}, hidden),
    )


def _modify(
    record: Resource, entry: ResourceDefinition, shape: Shape, becomes: Fate, reasons: _Reasons
) -> Change:
    schema = schema_of(entry.type)
    details: list[Detail] = []
    for name in changed_properties(record.properties, shape.properties):
        before, after = record.properties.get(name), shape.properties.get(name)
        details += [
            Detail(
                "Properties", name, schema.recreation(name), cause, _shown(before), _shown(after)
            )
            for cause in reasons.of(entry, name)
        ]
    details += _tag_details(record, shape, {d.name for d in details})
    for attribute, before, after in (
        ("DeletionPolicy", record.deletion_policy, entry.deletion_policy),
        ("UpdateReplacePolicy", record.update_replace_policy, entry.update_replace_policy),
        ("Metadata", record.metadata, entry.metadata),
    ):
        if before != after:
            direct = Cause("DirectModification", None, "Static")
            details.append(Detail(attribute, None, "Never", direct, _shown(before), _shown(after)))
    replacement = replacement_of(details)
    action = None
    if becomes == "replace":
        policy = entry.update_replace_policy
        action = "ReplaceAndDelete" if policy == "Delete" else f"ReplaceAnd{policy}"
    return Change(
        "Modify",
        record.logical_id,
        record.physical_id,
        record.type,
        replacement,
        action,
        tuple(details),
        before={"Properties": dict(record.properties)},
        after={"Properties": dict(shape.properties)},
    )


def replacement_of(details: list[Detail]) -> str:
    """True, Conditional or False: the strongest of the details."""
    strongest = "False"
    for detail in details:
        if detail.recreation == "Always" and detail.cause.evaluation == "Static":
            return "True"
        if detail.recreation in ("Always", "Conditionally"):
            strongest = "Conditional"
    return strongest


def _tag_details(record: Resource, shape: Shape, named: set[str | None]) -> Iterator[Detail]:
    """Changes of the stack's own tags; those of the property Tags are told as a property."""
    if "Tags" in named:
        return
    for key in changed_properties(record.tags, shape.tags):
        yield Detail(
            "Tags",
            key,
            "Never",
            Cause("DirectModification", None, "Static"),
            record.tags.get(key),
            shape.tags.get(key),
        )


class _Reasons:
    """Finds why a property changes: by what it refers to, and by what of that changes."""

    def __init__(
        self,
        stack: Stack,
        old: Template | None,
        deployment: Deployment,
        fates: Mapping[str, Fate],
    ) -> None:
        self._old = old
        self._fates = fates
        before = _parameters(stack)
        self._changed = {
            key
            for key, value in deployment.parameters.items()
            if key not in before or before[key].value != value.value
        }

    def of(self, entry: ResourceDefinition, name: str) -> list[Cause]:
        causes: dict[Cause, None] = {}
        raw = entry.properties.get(name)
        for referred, attribute in references(raw):
            if referred in self._changed:
                causes[Cause("ParameterReference", referred, "Static")] = None
            elif self._fates.get(referred) in ("add", "replace"):
                entity = referred if attribute is None else f"{referred}.{attribute}"
                source = "ResourceReference" if attribute is None else "ResourceAttribute"
                causes[Cause(source, entity, "Dynamic")] = None
        before = self._old.resources.get(entry.logical_id) if self._old else None
        if not causes or (before is not None and before.properties.get(name) != raw):
            causes[Cause("DirectModification", None, "Static")] = None
        return list(causes)


def _parameters(stack: Stack) -> Mapping[str, ParameterValue]:
    return stack.deployment.parameters if stack.deployment else {}


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True)


def _masked(change: Change, hidden: frozenset[str]) -> Change:
    return replace(
        change,
        before=masked(change.before, hidden),
        after=masked(change.after, hidden),
        details=tuple(
            replace(d, before=masked(d.before, hidden), after=masked(d.after, hidden))
            for d in change.details
        ),
    )
