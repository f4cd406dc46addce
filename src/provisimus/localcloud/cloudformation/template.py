"""A template's text becomes a checked value: sections, resources, references, dependency order.

Pure. Evaluating intrinsic functions is `intrinsics.py`; which types and properties this cloud
honours is asked in `support.py`. Error texts are those that CloudFormation answers with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from provisimus.localcloud.cloudformation import limits
from provisimus.localcloud.cloudformation.errors import ValidationError, unsupported
from provisimus.localcloud.cloudformation.references import (
    attributes_of,
    conditions_of,
    references,
    split_attribute,
)
from provisimus.localcloud.cloudformation.signals import check_policy

SECTIONS = frozenset(
    {
        "AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Rules", "Mappings",
        "Conditions", "Transform", "Resources", "Outputs", "Hooks",
    }
)  # fmt: skip
PSEUDO_PARAMETERS = frozenset(
    {
        "AWS::AccountId", "AWS::NotificationARNs", "AWS::NoValue", "AWS::Partition", "AWS::Region",
        "AWS::StackId", "AWS::StackName", "AWS::URLSuffix",
    }
)  # fmt: skip
DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
REPLACE_POLICIES = ("Delete", "Retain", "Snapshot")


@dataclass(frozen=True)
class ResourceDefinition:
    """One entry of Resources, as written (properties not evaluated)."""

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    creation_policy: Mapping[str, Any] = field(default_factory=dict)
    update_policy: Mapping[str, Any] = field(default_factory=dict)

    @property
    def references(self) -> frozenset[str]:
        """Names of parameters and resources that this resource speaks of."""
        return frozenset(self.depends_on) | {name for name, _ in self.spoken}

    @property
    def spoken(self) -> frozenset[tuple[str, str | None]]:
        """The (name, attribute) of its Ref, Fn::GetAtt and Fn::Sub."""
        return frozenset(references(self.written))

    @property
    def written(self) -> list[Mapping[str, Any]]:
        """All of it that may have functions."""
        return [self.properties, self.creation_policy, self.update_policy]


@dataclass(frozen=True)
class Template:
    text: str
    description: str | None
    parameters: Mapping[str, Mapping[str, Any]]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    resources: Mapping[str, ResourceDefinition]
    outputs: Mapping[str, Mapping[str, Any]]
    metadata: Mapping[str, Any]
    rules: Mapping[str, Any] = field(default_factory=dict)
    version: str | None = None


def parse(text: str) -> Template:
    """Read JSON or YAML (with short tags) and check it as ValidateTemplate would.

    Raises ValidationError with CloudFormation's wording.
    """
    tree = _load(text)
    stray = sorted(set(tree) - SECTIONS)
    if stray:
        raise ValidationError(f"Invalid template property or properties [{', '.join(stray)}]")
    for section in ("Transform", "Hooks"):
        if tree.get(section):
            raise unsupported(f"Template section {section}")
    resources = tree.get("Resources")
    if not isinstance(resources, dict) or not resources:
        raise _format_error("At least one Resources member must be defined.")
    limits.check_sections(
        tree.get("Description"),
        resources,
        {name: _section(tree, name.capitalize()) for name in limits.MAX_OF_SECTION},
    )
    template = Template(
        text=text,
        description=tree.get("Description"),
        parameters=_section(tree, "Parameters"),
        mappings=_section(tree, "Mappings"),
        conditions=_section(tree, "Conditions"),
        resources={name: _resource(name, entry) for name, entry in resources.items()},
        outputs=_section(tree, "Outputs"),
        metadata=_section(tree, "Metadata"),
        rules=_section(tree, "Rules"),
        version=_as_text(tree.get("AWSTemplateFormatVersion")),
    )
    _check_parameters(template)
    _check_references(template)
    creation_order(template.resources)
    return template


def creation_order(resources: Mapping[str, ResourceDefinition]) -> tuple[str, ...]:
    """Logical ids so that each follows what it refers to; otherwise as written.

    Raises ValidationError on a cycle.
    """
    return dependency_order({name: entry.references for name, entry in resources.items()})


def dependency_order(needs: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Names so that everything needed comes first; what is not in `needs` is ignored."""
    done: dict[str, None] = {}
    path: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        if name in path:
            cycle = path[path.index(name) :]
            raise ValidationError(
                f"Circular dependency between resources: [{', '.join(sorted(cycle))}]"
            )
        path.append(name)
        for need in sorted(set(needs[name]) & needs.keys(), key=positions.__getitem__):
            visit(need)
        path.pop()
        done[name] = None

    positions = {name: index for index, name in enumerate(needs)}
    for name in needs:
        visit(name)
    return tuple(done)


# ---- reading ------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: short tags, no dates, no merges, no double keys."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key == "<<":
            raise _format_error("YAML merge keys are not supported.")
        key = key if isinstance(key, str) else str(key)
        if key in result:
            line = key_node.start_mark.line + 1
            raise _format_error(f"YAML not well-formed. (duplicate key {key}, line {line})")
        result[key] = loader.construct_object(value_node, deep=True)
    return result


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = _mapping(loader, node)
    if suffix in ("Ref", "Condition"):
        return {suffix: value}
    if suffix == "GetAtt":
        return {"Fn::GetAtt": list(split_attribute(value))}
    return {f"Fn::{suffix}": value}


# A date such as a policy's `Version: 2012-10-17` stays the text that IAM wants.
_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")
    ]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_multi_constructor("!", _short_tag)


def _load(text: str) -> dict[str, Any]:
    if text.lstrip().startswith("{"):
        try:
            tree = json.loads(text)
        except json.JSONDecodeError as error:
            raise _format_error(
                f"JSON not well-formed. (line {error.lineno}, column {error.colno})"
            ) from error
    else:
        try:
            tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader's subclass
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f" (line {mark.line + 1}, column {mark.column + 1})" if mark else ""
            raise _format_error(f"YAML not well-formed.{where}") from error
    if not isinstance(tree, dict):
        raise _format_error("unsupported structure.")
    return tree


def _section(tree: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = tree.get(name)
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise _format_error(f"[/{name}] 'expected object'.")
    return section


def _resource(name: str, entry: Any) -> ResourceDefinition:
    if name.startswith("Fn::"):
        raise unsupported(f"Function {name}")
    if not re.fullmatch(r"[A-Za-z0-9]+", name):
        raise _format_error(f"Resource name {name} is non alphanumeric.")
    if not isinstance(entry, dict) or not isinstance(entry.get("Type"), str):
        raise _format_error(
            f"[/Resources/{name}] Every Resources object must contain a Type member."
        )
    known = {
        "Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "UpdateReplacePolicy",
        "Metadata", "CreationPolicy", "UpdatePolicy",
    }  # fmt: skip
    for key in entry:
        if key not in known:
            raise ValidationError(f"Invalid template resource property '{key}'")
    depends = entry.get("DependsOn", [])
    return ResourceDefinition(
        logical_id=name,
        type=entry["Type"],
        properties=entry.get("Properties") or {},
        depends_on=(depends,) if isinstance(depends, str) else tuple(depends),
        condition=entry.get("Condition"),
        deletion_policy=_policy(entry, "DeletionPolicy", DELETION_POLICIES, _unless_said(entry)),
        update_replace_policy=_policy(entry, "UpdateReplacePolicy", REPLACE_POLICIES),
        metadata=entry.get("Metadata") or {},
        creation_policy=check_policy(name, entry.get("CreationPolicy", {})),
        update_policy=_update_policy(name, entry.get("UpdatePolicy", {})),
    )


def _update_policy(name: str, policy: Any) -> Mapping[str, Any]:
    """What of it is honoured says the type's handler."""
    if not isinstance(policy, dict):
        raise _format_error(f"[/Resources/{name}/UpdatePolicy] 'expected object'.")
    return policy


def _unless_said(entry: Mapping[str, Any]) -> str:
    """The DeletionPolicy of a resource that has none: "DeletionPolicy attribute", User Guide."""
    alone = "DBClusterIdentifier" not in (entry.get("Properties") or {})
    return "Snapshot" if entry["Type"] == "AWS::RDS::DBInstance" and alone else "Delete"


def _policy(
    entry: Mapping[str, Any], key: str, allowed: tuple[str, ...], unless_said: str = "Delete"
) -> str:
    value = entry.get(key, unless_said)
    if value not in allowed:
        raise _format_error(f"Unrecognized {key} {value}")
    return str(value)


def _as_text(value: Any) -> str | None:
    return None if value is None else str(value)


# ---- checks -------------------------------------------------------------------------------------


def _check_parameters(template: Template) -> None:
    for name, declared in template.parameters.items():
        if not isinstance(declared, dict) or "Type" not in declared:
            raise _format_error(
                f"[/Parameters/{name}] Every Parameters object must contain a Type member."
            )


def _check_references(template: Template) -> None:
    resources, parameters = set(template.resources), set(template.parameters)
    known = resources | parameters | PSEUDO_PARAMETERS
    whole = [entry.written for entry in template.resources.values()]
    for block, value in (("Resources", whole), ("Outputs", dict(template.outputs))):
        for name in attributes_of(value):
            if name not in resources:
                raise ValidationError(
                    f"Template error: instance of Fn::GetAtt references undefined resource {name}"
                )
        for name in conditions_of(value):
            if name not in template.conditions:
                raise _unresolved_condition(name, block)
    unknown = {
        name
        for entry in template.resources.values()
        for name in entry.references
        if name not in known
    }
    if unknown:
        raise _unresolved(unknown, "Resources")
    for key, output in template.outputs.items():
        if not isinstance(output, dict) or "Value" not in output:
            raise _format_error(
                f"[/Outputs/{key}] Every Outputs member must contain a Value object"
            )
    outside = {name for name, _ in references(dict(template.outputs)) if name not in known}
    if outside:
        raise _unresolved(outside, "Outputs")
    for block, entries in (
        ("Resources", [entry.condition for entry in template.resources.values()]),
        ("Outputs", [output.get("Condition") for output in template.outputs.values()]),
    ):
        for condition in entries:
            if condition is not None and condition not in template.conditions:
                raise _unresolved_condition(condition, block)


def _unresolved_condition(name: str, block: str) -> ValidationError:
    return _format_error(
        f"Unresolved condition dependency {name} in the {block} block of the template"
    )


def _unresolved(names: Iterable[str], block: str) -> ValidationError:
    return _format_error(
        f"Unresolved resource dependencies [{', '.join(sorted(names))}] in the {block} block of "
        "the template"
    )


def _format_error(text: str) -> ValidationError:
    return ValidationError(f"Template format error: {text}")
