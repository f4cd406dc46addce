"""Stack types, one file each: a file here with a constant `TYPE` is found, nothing lists them."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from provisimus.errors import UsageFault
from provisimus.stacks.types.interface import StackType

__all__ = ["StackType", "all_types", "find_type"]


@cache
def all_types() -> dict[str, StackType]:
    """Every stack type by its name, sorted."""
    found: dict[str, StackType] = {}
    for module in pkgutil.iter_modules(__path__):
        made = getattr(importlib.import_module(f"{__name__}.{module.name}"), "TYPE", None)
        if isinstance(made, StackType):
            found[made.name] = made
    return dict(sorted(found.items()))


def find_type(name: str, *, where: str | None = None) -> StackType:
    """Raises UsageFault for a name that no file has."""
    types = all_types()
    if name not in types:
        hint = "known: " + ", ".join(types)
        raise UsageFault(f"there is no stack type {name!r}", where=where, hint=hint)
    return types[name]
