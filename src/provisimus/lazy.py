"""Packages whose parts are loaded when they are used.

A stage's package gives its verbs at one place, and a command uses one or two of them: a plan needs
neither what builds and applies nor what follows a stack's events.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def parts(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """The `__getattr__` of a package; `homes` maps each module of it to its names, by spaces.

    No name may be that of a module: once the module is imported, it stands in the name's place.
    """
    home = {name: module for module, names in homes.items() for name in names.split()}
    assert not home.keys() & homes.keys()

    def __getattr__(name: str) -> Any:  # noqa: N807 it becomes the package's own (PEP 562)
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(f"{package}.{home[name]}"), name)

    return __getattr__
