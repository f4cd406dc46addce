"""What machines of a stack said before a rollback took them away, found in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from provisimus.stacks.witness import evidence_step

RUNS = 200
"""How many of the newest runs are looked through."""


@dataclass(frozen=True)
class KeptEvidence:
    """Of one run. `at` in seconds since the epoch."""

    run: str
    at: float
    lines: tuple[str, ...]


def kept_evidence(journal: Path, stack: str) -> KeptEvidence | None:
    """The newest that this machine's journal keeps of a stack; None where there is none."""
    step = evidence_step(stack)
    for path in sorted(journal.glob("*.ndjson"), reverse=True)[:RUNS]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if step not in text:
            continue
        said = list(_said(text.splitlines(), step))
        if said:
            return KeptEvidence(path.stem, said[0][0], tuple(line for _, line in said))
    return None


def _said(lines: Iterable[str], step: str) -> Iterator[tuple[float, str]]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed while it wrote
        if isinstance(found, dict) and found.get("step") == step and found.get("event") == "said":
            yield float(found.get("at", 0)), str(found.get("text", ""))
