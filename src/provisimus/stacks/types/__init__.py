"""Stack types, one file each: a file here with a constant `TYPE` is found, nothing lists them.

A type stands in the file of its name, with `_` for `-`; only the one that is asked for is loaded. A
company's own come from its workspace or from installed packages (`workspace/stack_kinds.py`).
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from provisimus.errors import UsageFault
from provisimus.stacks.types.interface import StackType
from provisimus.workspace.problems import did_you_mean
from provisimus.workspace.stack_kinds import company_types, own_kinds

__all__ = ["StackType", "all_types", "find_type"]


def all_types(root: Path | None = None) -> dict[str, StackType[Any]]:
    """Every stack type by its name: Provisimus's own, then the company's of a workspace."""
    own = {name: _own(name) for name in own_kinds()}
    return {**own, **(_company(root) if root else {})}


def find_type(name: str, root: Path | None = None, *, where: str | None = None) -> StackType[Any]:
    """Raises UsageFault for a name that no file has."""
    if name in own_kinds():
        return _own(name)
    company = _company(root) if root else {}
    if name not in company:
        hint = did_you_mean(name, [*own_kinds(), *company])
        raise UsageFault(f"there is no stack type {name!r}", where=where, hint=hint)
    return company[name]


def _own(name: str) -> StackType[Any]:
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    made: StackType[Any] = module.TYPE
    return made


def _company(root: Path) -> dict[str, StackType[Any]]:
    found = {}
    for name, made in company_types(root).items():
        if not isinstance(made, StackType):
            raise UsageFault(
                f"the stack type {name!r} is no StackType",
                hint="derive it from provisimus.stacks.types.StackType",
            )
        found[name] = made
    return found
