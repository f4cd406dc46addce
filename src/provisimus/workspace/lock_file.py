"""The form of lock files: YAML with a head that says whose it is, replaced in one step.

What is pinned in them is told by their stages: images in `docker.lock`, machines in `packer.lock`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from provisimus.caching import read_json, write_json
from provisimus.errors import InvalidDefinitions, Problem
from provisimus.files import replacing
from provisimus.workspace import marks


@contextmanager
def reading(path: Path, hint: str, cache: Path | None = None) -> Iterator[dict[str, Any]]:
    """What a lock file says; empty when there is none. What cannot be made sense of inside the
    block is InvalidDefinitions, with `hint` for what to do. `cache` is .provisimus/cache, where a
    text that was parsed once is remembered: PyYAML takes longer to load than most locks to read.
    """
    if not path.is_file():
        yield {}
        return
    data = _parsed(path, cache)
    try:
        yield data or {}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"this is no lock file: {error}"
        raise InvalidDefinitions([Problem(str(path), None, "bases", message, hint)]) from None


def _parsed(path: Path, cache: Path | None) -> Any:
    if cache is None:
        return marks.read(path).data
    text = _checksum(path)
    place = cache / "locks" / f"{path.name}.json"
    known = read_json(place)
    if known is not None and known.get("text") == text:
        return known.get("data")
    data = marks.read(path).data
    if _checksum(path) == text:  # nobody wrote it meanwhile
        with suppress(TypeError, ValueError):
            write_json(place, {"text": text, "data": data})
    return data


def _checksum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write(path: Path, text: str) -> None:
    """Replace the file, when it says something else. Raises as `replacing`."""
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
