"""A machine that does nothing after it was switched on is reset: here one with nothing to boot."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.localcloud.test_live_layers import Bench

from provisimus.localcloud import silence


def test_a_machine_that_does_nothing_is_reset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silence, "PERIOD", 0.05)
    monkeypatch.setattr(silence, "PATIENCE", 0.5)
    bench = Bench(tmp_path / "cloud")
    try:
        monitor = bench.machines._machine("i-1").monitor
        for _ in range(silence.MOST_RESETS):
            assert monitor.wait_event(lambda event: event["event"] == "RESET", 30)
        assert bench.machines.is_running("i-1")
    finally:
        bench.machines.stop("i-1", grace=0)


def test_whoever_awaits_a_word_waits_no_longer_when_nobody_listens(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "cloud")
    try:
        (bench.layout.instance("i-1") / "console.log").unlink()
        bench.machines.await_word("i-1", lambda: True)
        assert bench.machines.is_running("i-1")
        assert not bench.machines.has_spoken("i-1")
    finally:
        bench.machines.stop("i-1", grace=0)
