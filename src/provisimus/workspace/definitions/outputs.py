"""Outputs of other stacks in a definition: `${stack:main.VpcId}`, in any text. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

OUTPUT = re.compile(r"(?<!\$)\$\{!?stack:([^}.]+)\.([A-Za-z0-9]+)\}")
"""The stack and its output. With an exclamation mark it stands in a text for `Fn::Sub`."""

_APART = ("type", "environments")
"""Keys whose texts are no values of this environment."""


def output_of(value: str) -> tuple[str, str] | None:
    """The stack and output that a value is, whole; None for any other."""
    found = OUTPUT.fullmatch(value)
    return (found[1], found[2]) if found else None


def outputs_in(value: Any, key: tuple[str | int, ...] = ()) -> Iterator[tuple[Any, str, str]]:
    """Each output that stands in a definition: its key, the stack and the output."""
    if isinstance(value, str):
        for found in OUTPUT.finditer(value):
            yield key, found[1], found[2]
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield from outputs_in(each, (*key, name))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from outputs_in(each, (*key, index))
    elif is_dataclass(value):
        for one in fields(value):
            if key or one.name not in _APART:
                named = one.metadata.get("alias", one.name)
                yield from outputs_in(getattr(value, one.name), (*key, named))
