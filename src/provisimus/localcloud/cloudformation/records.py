"""Records of resources as a template has them: of one to be made, of one that is there. Pure."""

from __future__ import annotations

from dataclasses import replace

from provisimus.localcloud.cloudformation import signals
from provisimus.localcloud.cloudformation.handlers.interface import Shape
from provisimus.localcloud.cloudformation.stack import Resource
from provisimus.localcloud.cloudformation.template import ResourceDefinition


def blank(
    entry: ResourceDefinition,
    shape: Shape,
    depends: tuple[str, ...] = (),
    awaited: signals.Awaited | None = None,
) -> Resource:
    """The record of a resource that is still to be made."""
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
    )


def as_written(record: Resource, entry: ResourceDefinition, depends: tuple[str, ...]) -> Resource:
    """The record with what the template says besides the properties."""
    return replace(
        record,
        depends_on=depends,
        deletion_policy=entry.deletion_policy,
        update_replace_policy=entry.update_replace_policy,
        metadata=entry.metadata,
    )
