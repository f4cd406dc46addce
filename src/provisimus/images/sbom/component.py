"""One thing that is inside an image. A value; read and written, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True)
class Component:
    """`purl` is empty where nobody said what it is: nothing is guessed from a file's name.

    `path` is where it lies, with `!/` between a JAR and what is inside it. `sha256` in hex, empty
    for what is no file of its own.
    """

    name: str
    version: str = ""
    group: str = ""
    purl: str = ""
    path: str = ""
    sha256: str = ""
    licences: tuple[str, ...] = ()
    unreadable: bool = False

    def as_json(self) -> dict[str, Any]:
        return {key: value for key, value in vars(self).items() if value}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Component:
        """Raises TypeError for what is none."""
        return cls(**{**data, "licences": tuple(data.get("licences", ()))})


def purl(kind: str, path: Sequence[str], version: str, **qualifiers: str) -> str:
    """A package URL (purl specification): parts are percent-encoded, qualifiers sorted."""
    where = "/".join(quote(part, safe="") for part in path if part)
    at = f"@{quote(version, safe=':')}" if version else ""
    given = sorted((key, value) for key, value in qualifiers.items() if value)
    query = "&".join(f"{key}={quote(value, safe='')}" for key, value in given)
    return f"pkg:{kind}/{where}{at}" + (f"?{query}" if query else "")
