"""How large a template may be. Pure.

Source: CloudFormation user guide, "Understand CloudFormation quotas".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.localcloud.cloudformation.errors import ValidationError, unsupported

MAX_BYTES = 51_200
"""Of a TemplateBody."""
MAX_STORED = 1024 * 1024
"""Bytes of a template in a bucket."""
MAX_RESOURCES = 500
MAX_OF_SECTION: Mapping[str, int] = {"parameters": 200, "outputs": 200, "mappings": 200}
MAX_MAPPING_ATTRIBUTES = 200
MAX_NAME = 255
MAX_DESCRIPTION = 1024
MAX_VALUE = 4096
"""Bytes of a parameter's value."""


def check_stored(content: bytes) -> None:
    """Raises ValidationError for a template in a bucket that is too long."""
    if len(content) > MAX_STORED:
        raise ValidationError(f"Template may not exceed {MAX_STORED} bytes in size.")


def check_text(text: str) -> None:
    """Raises ValidationError for a TemplateBody that is too long."""
    if len(text.encode()) > MAX_BYTES:
        raise ValidationError(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_BYTES}"
        )


def check_sections(
    description: str | None,
    resources: Iterable[str],
    sections: Mapping[str, Mapping[str, Any]],
) -> None:
    """Numbers and lengths; `sections` are the others by the names of `MAX_OF_SECTION`."""
    if description is not None and not isinstance(description, str):
        raise _error("Every Description member must be a string.")
    if description is not None and len(description.encode()) > MAX_DESCRIPTION:
        raise _error(f"'Description' length is greater than {MAX_DESCRIPTION}.")
    names = list(resources)
    _check_number("resources", len(names), MAX_RESOURCES)
    _check_names("Resource", names)
    for section, most in MAX_OF_SECTION.items():
        _check_number(section, len(sections[section]), most)
    for section, kind in (("parameters", "Parameter"), ("outputs", "Output")):
        _check_names(kind, sections[section])
        for name in sections[section]:
            if name.startswith("Fn::"):
                raise unsupported(f"Function {name}")
            if not re.fullmatch(r"[A-Za-z0-9]+", name):
                raise _error(f"{kind} name {name} is non alphanumeric.")
    _check_names("Mapping", sections["mappings"])
    for name, mapping in sections["mappings"].items():
        if isinstance(mapping, Mapping):
            _check_names("Mapping attribute", mapping)
            _check_number(f"attributes of mapping {name}", len(mapping), MAX_MAPPING_ATTRIBUTES)


def check_value(name: str, value: str) -> None:
    """Raises ValidationError for a parameter's value that is too long."""
    if len(value.encode()) > MAX_VALUE:
        raise ValidationError(
            f"Parameter '{name}' has a value of more than {MAX_VALUE} bytes, the longest allowed"
        )


def _check_number(what: str, number: int, most: int) -> None:
    if number > most:
        raise _error(f"Number of {what}, {number}, is greater than maximum allowed, {most}")


def _check_names(kind: str, names: Iterable[str]) -> None:
    for name in names:
        if len(name) > MAX_NAME:
            raise _error(f"{kind} name {name[:20]}… is longer than {MAX_NAME} characters.")


def _error(text: str) -> ValidationError:
    return ValidationError(f"Template format error: {text}")
