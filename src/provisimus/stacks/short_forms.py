"""Templates that people wrote: JSON, or YAML with CloudFormation's short forms (`!Ref`, `!Sub`)."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem


def read_template(text: str, where: str) -> dict[str, Any]:
    """The template with the long forms. Raises InvalidDefinitions for what is none."""
    import yaml

    try:
        found = _read(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else None
        said = f"this is no template: {getattr(error, 'problem', None) or error}"
        raise InvalidDefinitions([Problem(where, line, "", said)]) from None
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise InvalidDefinitions([Problem(where, None, "Resources", "it has no resources")])
    for name, each in found["Resources"].items():
        if not isinstance(each, dict) or not isinstance(each.get("Type"), str):
            said = f"{name} is no resource with a type"
            hint = "Fn::ForEach is not known here: write each resource out"
            raise InvalidDefinitions([Problem(where, None, f"Resources/{name}", said, hint)])
    return found


def _read(text: str) -> Any:
    """JSON is YAML, but for tabs, and is read faster.

    The C parser, where PyYAML has it, is ten times as fast as the other one, which tells better
    where a fault is."""
    import yaml

    with suppress(ValueError):
        return json.loads(text)
    try:
        fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(text, Loader=_loader(fast))  # noqa: S506 a safe loader with more tags
    except yaml.YAMLError:
        return yaml.load(text, Loader=_loader(yaml.SafeLoader))  # noqa: S506


def _loader(safe: type) -> Any:
    import yaml

    # Dates stay texts: `AWSTemplateFormatVersion: 2010-09-09` is one.
    Loader: Any = type("Loader", (safe,), {})  # noqa: N806 a class
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in each if tag != "tag:yaml.org,2002:timestamp"]
        for first, each in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def long_form(loader: Any, suffix: str, node: Any) -> Any:
        if node.id == "scalar":
            value: Any = loader.construct_scalar(node)
        elif node.id == "sequence":
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        if suffix in ("Ref", "Condition"):
            return {suffix: value}
        if suffix == "GetAtt" and isinstance(value, str):
            value = list(value.split(".", 1))
        return {f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", long_form)
    return Loader
