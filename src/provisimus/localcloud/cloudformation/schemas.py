"""What AWS's own resource schemas say of a type: which change replaces it, what it must have.

The schemas are those that cfn-lint ships. Only the file of a type that is asked for is read
(under a millisecond each) and cfn-lint itself is never imported, which would cost most of a second.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from provisimus.localcloud.cloudformation.errors import ValidationError

Recreation = Literal["Always", "Conditionally", "Never"]


@dataclass(frozen=True)
class TypeSchema:
    """One resource type, as AWS publishes it."""

    name: str
    properties: Mapping[str, Any]
    definitions: Mapping[str, Any]
    required: tuple[str, ...]
    create_only: frozenset[str]
    conditional_create_only: frozenset[str]
    read_only: frozenset[str]
    write_only: frozenset[str]
    """What no service tells back."""
    tag_property: str | None
    system_tags: bool
    """Whether CloudFormation puts its aws: tags on resources of this type."""

    def recreation(self, name: str) -> Recreation:
        """Whether changing this top-level property replaces the resource."""
        if name in self.create_only:
            return "Always"
        return "Conditionally" if name in self.conditional_create_only else "Never"

    def coerce(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Properties with scalars in the types that the schema wants.

        Parameters are always text, so "8" and 8 must compare equal and reach the API as a number.
        """
        return {
            key: self._coerce(value, self.properties.get(key, {}))
            for key, value in properties.items()
        }

    def at(self, name: str) -> Mapping[str, Any]:
        """The schema of a top-level property."""
        node: Mapping[str, Any] = self.properties.get(name, {})
        return node

    def resolved(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """A node, or the definition that it refers to."""
        return self._definition(node["$ref"]) if "$ref" in node else node

    def _coerce(self, value: Any, schema: Mapping[str, Any]) -> Any:
        if "$ref" in schema:
            schema = self._definition(schema["$ref"])
        kinds = schema.get("type")
        kinds = [kinds] if isinstance(kinds, str) else kinds or []
        if isinstance(value, Mapping):
            inner = schema.get("properties", {})
            return {key: self._coerce(item, inner.get(key, {})) for key, item in value.items()}
        if isinstance(value, list):
            return [self._coerce(item, schema.get("items", {})) for item in value]
        if isinstance(value, bool):
            return ("true" if value else "false") if kinds == ["string"] else value
        if isinstance(value, int | float):
            return str(value) if kinds == ["string"] else value
        return _from_text(value, kinds) if isinstance(value, str) else value

    def _definition(self, reference: str) -> Mapping[str, Any]:
        node: Any = {"definitions": self.definitions, "properties": self.properties}
        for step in reference.removeprefix("#/").split("/"):
            node = node.get(step, {})
        return node if isinstance(node, Mapping) else {}

    def complaint(self, properties: Mapping[str, Any]) -> str | None:
        """What CloudFormation's own check would say before any API is called."""
        for key in self.required:
            if key not in properties:
                return f"#: required key [{key}] not found"
        for key in properties:
            if key not in self.properties:
                return f"#: extraneous key [{key}] is not permitted"
            if key in self.read_only:
                return f"Encountered unsupported property {key}"
        return None


@cache
def schema_of(type_name: str, region: str = "us-east-1") -> TypeSchema:
    """The schema of a type.

    Raises ValidationError, worded as AWS does, for a type that AWS does not know.
    """
    index = _index(region)
    if type_name not in index:
        raise ValidationError(f"Template format error: Unrecognized resource types: [{type_name}]")
    raw = json.loads((_folder() / "resources" / f"{index[type_name]}.json").read_text("utf-8"))
    tagging = raw.get("tagging", {})
    return TypeSchema(
        name=type_name,
        properties=raw["properties"],
        definitions=raw.get("definitions", {}),
        required=tuple(raw.get("required", ())),
        create_only=_top_level(raw.get("createOnlyProperties")),
        conditional_create_only=_top_level(raw.get("conditionalCreateOnlyProperties")),
        read_only=_top_level(raw.get("readOnlyProperties")),
        write_only=_top_level(raw.get("writeOnlyProperties")),
        tag_property=(
            tagging.get("tagProperty", "/properties/Tags").split("/")[-1]
            if tagging.get("taggable") and "Tags" in raw["properties"]
            else None
        ),
        system_tags=bool(tagging.get("cloudFormationSystemTags", False)),
    )


@cache
def _index(region: str) -> Mapping[str, str]:
    path = _folder() / "providers" / f"{region}.json"
    if not path.exists():
        path = path.with_name("us-east-1.json")
    index: Mapping[str, str] = json.loads(path.read_text("utf-8"))
    return index


@cache
def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    for place in spec.submodule_search_locations or () if spec else ():
        folder = Path(place, "data", "schemas")
        if (folder / "providers" / "us-east-1.json").exists():
            return folder
    raise FileNotFoundError(
        "cfn-lint's resource schemas were not found; install the package cfn-lint (1.58 or newer)"
    )


def _top_level(pointers: list[str] | None) -> frozenset[str]:
    return frozenset(pointer.split("/")[2] for pointer in pointers or () if pointer.count("/") == 2)


def _from_text(value: str, kinds: list[str]) -> Any:
    if "string" in kinds:
        return value
    if "boolean" in kinds and value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        if "integer" in kinds:
            return int(value)
        if "number" in kinds:
            return float(value)
    except ValueError:
        pass
    return value
