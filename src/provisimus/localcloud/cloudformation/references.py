"""What a value of a template refers to: parameters, resources, their attributes, conditions.

Pure, and known before anything is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from provisimus.localcloud.cloudformation.errors import ValidationError

_SUB_REFERENCE = re.compile(r"\$\{([^!}][^}]*)\}")


def references(value: Any) -> Iterator[tuple[str, str | None]]:
    """Every (name, attribute) that a value refers to; attribute is None for Ref."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == "Ref" and isinstance(inner, str):
                yield inner, None
            elif key == "Fn::GetAtt":
                name, attribute = split_attribute(inner)
                yield name, attribute
            elif key == "Fn::Sub":
                yield from _sub_references(inner)
            else:
                yield from references(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from references(inner)


def attributes_of(value: Any) -> Iterator[str]:
    """The resources whose attributes are asked for by Fn::GetAtt."""
    for argument in _arguments("Fn::GetAtt", value):
        yield split_attribute(argument)[0]


def conditions_of(value: Any) -> Iterator[str]:
    """The conditions by which Fn::If decides."""
    for argument in _arguments("Fn::If", value):
        if isinstance(argument, list) and argument and isinstance(argument[0], str):
            yield argument[0]


def _arguments(function: str, value: Any) -> Iterator[Any]:
    """What a function is called with, wherever it stands."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key == function:
                yield inner
            yield from _arguments(function, inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _arguments(function, inner)


def split_attribute(argument: Any) -> tuple[str, str]:
    """`Name.Attr.Sub` or `[Name, Attr]` of a Fn::GetAtt."""
    if isinstance(argument, str) and "." in argument:
        name, attribute = argument.split(".", 1)
        return name, attribute
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
        return argument[0], argument[1] if isinstance(argument[1], str) else ""
    raise ValidationError(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource "
        "name and the resource attribute"
    )


def _sub_references(argument: Any) -> Iterator[tuple[str, str | None]]:
    text, given = argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], Mapping):
        text, given = argument
        yield from references(given)
    if not isinstance(text, str):
        raise ValidationError(
            "Template error: One or more Fn::Sub intrinsic functions don't specify expected "
            "arguments. Specify a string as first argument, and an optional second argument to "
            "specify a mapping of values to replace in the string"
        )
    for found in _SUB_REFERENCE.findall(text):
        name = found.strip()
        if name in given:
            continue
        if "." in name:
            base, attribute = name.split(".", 1)
            yield base, attribute
        else:
            yield name, None
