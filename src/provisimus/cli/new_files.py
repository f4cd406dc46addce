"""Files that a command begins: all of them or none, and never over what is there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from provisimus.errors import Conflict


def write_new(files: Mapping[Path, str], root: Path) -> list[str]:
    """Write each file; their paths from `root`, in order. Raises Conflict where one is there."""
    from provisimus.files import replacing

    for path in files:
        if path.exists():
            raise Conflict(
                f"{_from(path, root)} is there already",
                where=str(path),
                hint="nothing was written; choose another name, or edit the file",
            )
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return [_from(path, root) for path in files]


def _from(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
