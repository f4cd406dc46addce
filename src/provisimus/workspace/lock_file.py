"""The form of lock files: YAML with a head that says whose it is, replaced in one step.

What is pinned in them is told by their stages: images in `docker.lock`, machines in `packer.lock`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.files import replacing
from provisimus.workspace import marks


@contextmanager
def reading(path: Path, hint: str) -> Iterator[dict[str, Any]]:
    """What a lock file says; empty when there is none. What cannot be made sense of inside the
    block is InvalidDefinitions, with `hint` for what to do.
    """
    if not path.is_file():
        yield {}
        return
    document = marks.read(path)
    try:
        yield document.data or {}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"this is no lock file: {error}"
        raise InvalidDefinitions([Problem(str(path), None, "bases", message, hint)]) from None


def write(path: Path, text: str) -> None:
    """Replace the file, when it says something else. Raises as `replacing`."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
