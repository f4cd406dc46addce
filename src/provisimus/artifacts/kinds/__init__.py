"""One file per kind of binary repository.

Each module has `matches(location) -> bool` and `open_repository(name, location, root, cache)
-> Repository`; adding a file here is all it takes to add a kind.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.interface import Repository
from provisimus.errors import UsageFault


def open_repository(name: str, location: str, root: Path, cache: Cache) -> Repository:
    """The repository at `location`; a relative folder counts from `root`. Raises UsageFault."""
    names = sorted(each.name for each in pkgutil.iter_modules(__path__))
    for each in names:
        kind = importlib.import_module(f"{__name__}.{each}")
        if kind.matches(location):
            found: Repository = kind.open_repository(name, location, root, cache)
            return found
    raise UsageFault(
        f"no kind of binary repository is at {location!r}",
        where=f"provisimus.yaml: artifacts/{name}",
        hint="a folder, http(s)://… or s3://…; known kinds: " + ", ".join(names),
    )
