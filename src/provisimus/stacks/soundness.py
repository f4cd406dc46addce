"""Which of the templates of `provisimus check` are not sound, by AWS's validator.

Those that were found sound are remembered by their digest, all in one file, so that the validator
is loaded only for a template that is new. Faulty ones never are: they are told each time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from provisimus.caching import read_json, write_json
from provisimus.model import fingerprint
from provisimus.stacks.gate import LIBRARY, errors_in
from provisimus.stacks.types.interface import Template


@dataclass(frozen=True)
class Soundness:
    """What is known, in the file `place`. Lost, it costs time only."""

    place: Path

    def errors(self, templates: Iterable[Template]) -> list[list[str]]:
        """What the validator finds in each, in their order; nothing where it is not installed."""
        validator = _installed()
        if validator is None:
            return [[] for _ in templates]
        kept = (read_json(self.place) or {}).get("sound")
        known = set(map(str, kept)) if isinstance(kept, list) else set()
        found: dict[str, list[str]] = {}
        told = []
        for template in templates:
            digest = str(fingerprint({"validator": validator, "template": template}))
            if digest not in found:
                found[digest] = [] if digest in known else errors_in(template)
            told.append(found[digest])
        sound = {digest for digest, errors in found.items() if not errors}
        if sound != known:
            write_json(self.place, {"sound": sorted(sound)})
        return told


def _installed() -> str | None:
    """Which validator there is. Its file tells; to ask for its version takes ten times as long."""
    found = find_spec(LIBRARY)
    if found is None or found.origin is None:
        return None
    status = Path(found.origin).stat()
    return f"{status.st_size} {status.st_mtime_ns}"
