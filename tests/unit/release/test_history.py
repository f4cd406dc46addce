"""The journal read back."""

import json
from pathlib import Path

from provisimus.release.history import Run, read_history, run_of

LINES = [
    {"at": 100.0, "event": "run", "command": ["release", "greeter@1.0.0"]},
    {"at": 100.5, "event": "started", "step": "bake", "reason": "new"},
    {"at": 130.5, "event": "finished", "step": "bake", "seconds": 30.0, "result": "ami-1"},
    {"at": 130.6, "event": "skipped", "step": "stack", "reason": "same"},
]


def test_a_run_that_ended_well() -> None:
    assert run_of("r1", LINES) == Run(
        "r1",
        ("release", "greeter@1.0.0"),
        100.0,
        130.6,
        "done",
        (("bake", "ami-1", 30.0), ("stack", "not needed", 0.0)),
    )


def test_a_run_that_failed() -> None:
    failed = {"at": 140.0, "event": "failed", "step": "stack", "seconds": 9.0, "error": "x"}
    assert run_of("r1", [*LINES, failed]).outcome == "failed"


def test_a_run_that_was_killed() -> None:
    assert run_of("r1", LINES[:2]).outcome == "interrupted or running"


def test_the_newest_come_first_and_half_a_line_harms_nothing(tmp_path: Path) -> None:
    for name in ("20260101T000000-a", "20260102T000000-b"):
        text = "".join(json.dumps(line) + "\n" for line in LINES)
        (tmp_path / f"{name}.ndjson").write_text(text + '{"at": 1')
    found = read_history(tmp_path)
    assert [run.run for run in found] == ["20260102T000000-b", "20260101T000000-a"]
    assert [run.run for run in read_history(tmp_path, 1)] == ["20260102T000000-b"]
    assert read_history(tmp_path / "none") == []
