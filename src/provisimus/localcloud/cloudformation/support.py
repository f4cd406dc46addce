"""What a template may ask of this cloud: types, properties, attributes, policies, capabilities.

Pure. Everything is refused by name before anything is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from provisimus.localcloud.cloudformation import exports, rules
from provisimus.localcloud.cloudformation.errors import (
    InsufficientCapabilities,
    ValidationError,
    unsupported,
)
from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.handlers.interface import Handler
from provisimus.localcloud.cloudformation.intrinsics import KNOWN_FUNCTIONS
from provisimus.localcloud.cloudformation.references import references
from provisimus.localcloud.cloudformation.schemas import schema_of
from provisimus.localcloud.cloudformation.template import Template

OPAQUE = "?"
"""Stands in a path for the inside of a function's result."""


def handler_of(type_name: str) -> Handler:
    """The handler of a type; raises ValidationError for one that is not simulated."""
    handler = all_handlers().get(type_name)
    if handler is None:
        schema_of(type_name)
        raise unsupported(f"Resource type {type_name}")
    return handler


def check(template: Template) -> None:
    """Refuse by name what the template wants and this cloud has not; raises ValidationError."""
    for entry in template.resources.values():
        handler = handler_of(entry.type)
        _check_functions([entry.properties, entry.creation_policy, entry.update_policy])
        for path in unhonoured(entry.properties, handler.honoured):
            if path.split("/")[0] not in schema_of(entry.type).properties:
                raise ValidationError(
                    f"Encountered unsupported property {path} in resource {entry.logical_id} "
                    f"({entry.type})"
                )
            raise unsupported(f"Property {path} of {entry.type} (resource {entry.logical_id})")
        if entry.creation_policy and not handler.signals:
            raise unsupported(f"CreationPolicy of {entry.type} (resource {entry.logical_id})")
        for path in unhonoured(entry.update_policy, handler.update_policies):
            raise unsupported(f"UpdatePolicy/{path} of {entry.type} (resource {entry.logical_id})")
        complaint = handler.policy_complaint(entry.update_policy)
        if complaint:
            raise ValidationError(
                f"Template format error: [/Resources/{entry.logical_id}/UpdatePolicy] {complaint}"
            )
        policies = (entry.deletion_policy, entry.update_replace_policy)
        if "Snapshot" in policies and not handler.snapshots:
            raise ValidationError(
                f"Template error: resource type {entry.type} does not support deletion policy "
                "Snapshot"
            )
    for section in (template.outputs, template.conditions, template.mappings):
        _check_functions(section)
    _check_attributes(template)
    rules.check(template.rules, template.parameters)
    exports.check_static(template)


def check_capabilities(template: Template, given: Iterable[str]) -> None:
    """Raises InsufficientCapabilities unless what the template needs was acknowledged."""
    needed = needed_capability(template)
    accepted = set(given)
    if needed is None or needed in accepted:
        return
    if needed == "CAPABILITY_IAM" and "CAPABILITY_NAMED_IAM" in accepted:
        return
    raise InsufficientCapabilities(f"Requires capabilities : [{needed}]")


def needed_capability(template: Template) -> str | None:
    """CAPABILITY_NAMED_IAM when an IAM resource has a name of its own, else CAPABILITY_IAM."""
    needed = None
    for entry in template.resources.values():
        handler = handler_of(entry.type)
        if handler.capability == "IAM":
            if handler.name_property in entry.properties:
                return "CAPABILITY_NAMED_IAM"
            needed = "CAPABILITY_IAM"
    return needed


def unhonoured(properties: Mapping[str, Any], honoured: frozenset[str]) -> list[str]:
    """Paths of properties that no pattern covers, in the order written."""
    patterns = [tuple(pattern.split("/")) for pattern in honoured]
    return [
        "/".join(step for step in path if step != OPAQUE)
        for path in _leaves(properties, ())
        if not _covered(path, patterns)
    ]


def _leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Paths of the scalars, with `*` for list indices.

    A function stands for a value whose inside is not known yet; only Fn::If can be looked into.
    """
    if isinstance(value, Mapping):
        if path and len(value) == 1:
            (key, argument), *_ = value.items()
            if key == "Fn::If" and isinstance(argument, list) and len(argument) == 3:
                yield from _leaves(argument[1], path)
                yield from _leaves(argument[2], path)
                return
            if key == "Ref" or key.startswith("Fn::"):
                yield (*path, OPAQUE)
                return
        for key, inner in value.items():
            yield from _leaves(inner, (*path, key))
    elif isinstance(value, list):
        for inner in value:
            yield from _leaves(inner, (*path, "*"))
    elif path:
        yield path


def _covered(path: tuple[str, ...], patterns: Iterable[tuple[str, ...]]) -> bool:
    opaque = path[-1] == OPAQUE
    steps = path[:-1] if opaque else path
    for pattern in patterns:
        if pattern[-1] == "**" and steps[: len(pattern) - 1] == pattern[:-1]:
            return True
        if steps == pattern or (opaque and pattern[: len(steps)] == steps):
            return True
    return False


def _check_functions(value: Any) -> None:
    """Macros, loops and whatever else is not evaluated here."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key.startswith("Fn::") and key not in KNOWN_FUNCTIONS:
                raise unsupported(f"Function {key}")
            _check_functions(inner)
    elif isinstance(value, list):
        for inner in value:
            _check_functions(inner)


def _check_attributes(template: Template) -> None:
    spoken = [entry.properties for entry in template.resources.values()]
    for name, attribute in references([*spoken, dict(template.outputs)]):
        if attribute is None or name not in template.resources:
            continue
        known = handler_of(template.resources[name].type).attributes
        if attribute and "${" not in attribute and attribute not in known:
            raise ValidationError(
                f"Template error: resource {name} does not support attribute type {attribute} in "
                "Fn::GetAtt"
            )
