"""What a deployment wants each resource to be, and what that means for the one that is there.

Pure: both the change set (which only tells) and the operation (which acts) decide by these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.exports import Neighbours
from provisimus.localcloud.cloudformation.handlers.interface import Shape
from provisimus.localcloud.cloudformation.intrinsics import (
    Context,
    ResourceValue,
    evaluate,
    evaluate_conditions,
)
from provisimus.localcloud.cloudformation.schemas import TypeSchema, schema_of
from provisimus.localcloud.cloudformation.signals import Awaited
from provisimus.localcloud.cloudformation.stack import (
    Deployment,
    Discarded,
    Output,
    Resource,
    Stack,
)
from provisimus.localcloud.cloudformation.support import handler_of
from provisimus.localcloud.cloudformation.template import (
    ResourceDefinition,
    Template,
    creation_order,
    dependency_order,
)

Fate = Literal["add", "keep", "update", "replace"]


def base_context(
    stack: Stack,
    deployment: Deployment,
    template: Template,
    zones: Mapping[str, list[str]],
    others: Neighbours | None = None,
) -> Context:
    """Everything known before any resource is looked at, conditions included."""
    context = Context(
        parameters={key: value.value for key, value in deployment.parameters.items()},
        pseudo=stack.pseudo,
        mappings=template.mappings,
        zones=zones,
        exports=others.importable if others else {},
        outputs=others.outputs if others else {},
    )
    return replace(context, conditions=evaluate_conditions(template.conditions, context))


def with_resources(context: Context, resources: Mapping[str, Resource]) -> Context:
    """The context in which the recorded resources can be referred to."""
    return replace(
        context,
        resources={
            name: ResourceValue(str(each.physical_id), each.attributes)
            for name, each in resources.items()
            if each.physical_id is not None and not each.settling
        },
    )


def active(template: Template, context: Context) -> dict[str, ResourceDefinition]:
    """The resources whose condition holds, in dependency order."""
    wanted = {
        name: entry
        for name, entry in template.resources.items()
        if entry.condition is None or context.conditions[entry.condition]
    }
    return {name: wanted[name] for name in creation_order(wanted)}


def removal_order(resources: Mapping[str, Resource]) -> list[str]:
    """Logical ids so that each goes before what it depends on."""
    return list(
        reversed(dependency_order({key: each.depends_on for key, each in resources.items()}))
    )


def cleanup_order(doomed: Sequence[Discarded]) -> list[Discarded]:
    """Physical resources so that each goes before those that it refers to.

    There may be two of one name, the present one and one that was replaced. Where old and new
    refer to each other in a circle, the latest goes first.
    """
    names: dict[str, list[str]] = {}
    for index, each in enumerate(doomed):
        names.setdefault(each.resource.logical_id, []).append(str(index))
    needs = {
        str(index): [n for name in each.resource.depends_on for n in names.get(name, [])]
        for index, each in enumerate(doomed)
    }
    try:
        order = dependency_order(needs)
    except ValidationError:
        order = tuple(needs)
    return [doomed[int(index)] for index in reversed(order)]


def wanted_shape(
    entry: ResourceDefinition,
    context: Context,
    stack_tags: Mapping[str, str],
    system_tags: Mapping[str, str],
) -> Shape:
    """The evaluated properties and all tags of one resource; raises ValidationError."""
    schema = schema_of(entry.type, str(context.pseudo["AWS::Region"]))
    properties = schema.coerce(evaluate(entry.properties, context))
    return Shape(properties, _all_tags(schema, properties, stack_tags, system_tags))


def changed_properties(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Top-level names that differ, in a stable order."""
    return [
        key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)
    ]


def fate(record: Resource | None, shape: Shape, entry: ResourceDefinition) -> Fate:
    """What becomes of a resource."""
    if record is None:
        return "add"
    schema, handler = schema_of(entry.type), handler_of(entry.type)
    names = changed_properties(record.properties, shape.properties)
    recreations = {schema.recreation(name) for name in names}
    if "Always" in recreations:
        return "replace"
    if "Conditionally" in recreations and handler.must_replace(record.properties, shape.properties):
        return "replace"
    if handler.replaced_by(entry.update_policy, names):
        return "replace"
    unfinished = record.status in ("UPDATE_FAILED", "UPDATE_IN_PROGRESS")
    return "update" if names or record.tags != shape.tags or unfinished else "keep"


def blank(
    entry: ResourceDefinition,
    shape: Shape,
    depends: tuple[str, ...] = (),
    awaited: Awaited | None = None,
) -> Resource:
    """The record of a resource of which nothing is made yet."""
    return Resource(
        logical_id=entry.logical_id,
        type=entry.type,
        physical_id=None,
        properties=shape.properties,
        tags=shape.tags,
        attributes={},
        status="CREATE_IN_PROGRESS",
        timestamp=0,
        depends_on=depends,
        deletion_policy=entry.deletion_policy,
        update_replace_policy=entry.update_replace_policy,
        metadata=entry.metadata,
        awaited=awaited,
        update_policy=entry.update_policy,
    )


def as_written(record: Resource, entry: ResourceDefinition, depends: tuple[str, ...]) -> Resource:
    """The record with what the template says besides the properties."""
    return replace(
        record,
        depends_on=depends,
        deletion_policy=entry.deletion_policy,
        update_replace_policy=entry.update_replace_policy,
        metadata=entry.metadata,
        update_policy=entry.update_policy,
    )


def outputs(template: Template, context: Context) -> list[Output]:
    """The outputs whose condition holds; raises ValidationError."""
    result = []
    for key, entry in template.outputs.items():
        if "Condition" in entry and not context.conditions[entry["Condition"]]:
            continue
        value = evaluate(entry["Value"], context)
        export = evaluate(entry.get("Export", {}).get("Name"), context)
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        result.append(Output(key, text, entry.get("Description"), export))
    return result


def _all_tags(
    schema: TypeSchema,
    properties: Mapping[str, Any],
    stack_tags: Mapping[str, str],
    system_tags: Mapping[str, str],
) -> dict[str, str]:
    if schema.tag_property is None:
        return {}
    own = properties.get(schema.tag_property, [])
    own_tags = dict(own) if isinstance(own, Mapping) else {e["Key"]: e["Value"] for e in own}
    return {**stack_tags, **own_tags, **(system_tags if schema.system_tags else {})}
