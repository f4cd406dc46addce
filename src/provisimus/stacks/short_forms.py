"""Templates that people wrote: JSON, or YAML with CloudFormation's short forms (`!Ref`, `!Sub`)."""

from __future__ import annotations

from typing import Any

from provisimus.errors import InvalidDefinitions, Problem


def read_template(text: str, where: str) -> dict[str, Any]:
    """The template with the long forms. Raises InvalidDefinitions for what is none."""
    import yaml

    try:
        # JSON is YAML.
        found = yaml.load(text, Loader=_loader())  # noqa: S506 a safe loader with more tags
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = mark.line + 1 if mark else None
        said = f"this is no template: {error.problem or error}"
        raise InvalidDefinitions([Problem(where, line, "", said)]) from None
    if not isinstance(found, dict) or not isinstance(found.get("Resources"), dict):
        raise InvalidDefinitions([Problem(where, None, "Resources", "it has no resources")])
    return found


def _loader() -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Dates stay texts: `AWSTemplateFormatVersion: 2010-09-09` is one."""

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
