"""What was done in a workspace, read from the journal's files. Losing them loses no correctness."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Run:
    """One run of a command. Times in seconds since the epoch; `steps`: name, outcome, seconds."""

    run: str
    command: tuple[str, ...]
    began: float
    ended: float
    outcome: str
    steps: tuple[tuple[str, str, float], ...] = ()

    @property
    def seconds(self) -> float:
        return round(self.ended - self.began, 1)


def read_history(journal: Path, limit: int = 20) -> list[Run]:
    """The newest runs first."""
    files = sorted(journal.glob("*.ndjson"), reverse=True)[:limit]
    return [run_of(path.stem, _lines(path)) for path in files]


def run_of(name: str, lines: Iterable[dict[str, Any]]) -> Run:
    """One run from its journal. A run whose last step never ended was interrupted."""
    command: tuple[str, ...] = ()
    times: list[float] = []
    steps: list[tuple[str, str, float]] = []
    open_steps: list[str] = []
    for line in lines:
        times.append(float(line.get("at", 0)))
        step = str(line.get("step", ""))
        match line.get("event"):
            case "run":
                command = tuple(map(str, line.get("command", ())))
            case "started":
                open_steps.append(step)
            case "finished" | "failed" as how:
                if step in open_steps:
                    open_steps.remove(step)
                outcome = str(line.get("result") or "done") if how == "finished" else "failed"
                steps.append((step, outcome, float(line.get("seconds", 0))))
            case "skipped":
                steps.append((step, "not needed", 0.0))
            case _:
                pass
    failed = bool(steps) and steps[-1][1] == "failed"
    outcome = "failed" if failed else "interrupted or running" if open_steps else "done"
    return Run(
        name, command, min(times, default=0.0), max(times, default=0.0), outcome, tuple(steps)
    )


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        try:
            found = json.loads(line)
        except ValueError:
            continue  # the last line of a run that was killed while it wrote
        if isinstance(found, dict):
            yield found
