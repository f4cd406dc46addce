"""What machines of a stack said before a rollback took them away, found in the journal."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    for run, events in _runs(journal, step):
        said = [
            (float(each.get("at", 0)), str(each.get("text", "")))
            for each in events
            if each.get("event") == "said" and _step_of(each) == step
        ]
        if said:
            return KeptEvidence(run, said[0][0], tuple(line for _, line in said))
    return None


def kept_failure(journal: Path, stack: str, since: float) -> str | None:
    """What the newest change of a stack failed of, as this machine's journal tells it; None where
    none failed after `since`, in seconds since the epoch."""
    steps = [f"{each} {stack}" for each in ("update", "swap the instance of", "health of")]
    for _, events in _runs(journal, stack):
        for each in events:
            if each.get("event") == "failed" and _step_of(each) in steps:
                if float(each.get("at", 0)) < since:
                    return None
                return str(each.get("error", "")).partition("\n")[0] or None
    return None


def _runs(journal: Path, word: str) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The events of the newest runs that have a word in them, by run, the newest first."""
    for path in sorted(journal.glob("*.ndjson"), reverse=True)[:RUNS]:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if word in text:
            yield path.stem, list(_events(text.splitlines()))


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed while it wrote
        if isinstance(found, dict):
            yield found


def _step_of(event: dict[str, Any]) -> str:
    """Without the name that stands before it where many came up at once (events, about)."""
    return str(event.get("step", "")).rpartition(": ")[2]
