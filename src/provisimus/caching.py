"""Small JSON files under .provisimus/cache: what was worked out once. Lost, they cost time only."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any


def read_json(place: Path) -> dict[str, Any] | None:
    """None for a file that is not there, or not whole."""
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def write_json(place: Path, data: Mapping[str, object]) -> None:
    """Replaced in one step: a cache may be lost, but never be half. A full disk loses it."""
    temporary = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
    with suppress(OSError):
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(data), encoding="utf-8")
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
