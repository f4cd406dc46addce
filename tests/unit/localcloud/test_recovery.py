"""How long a crash is remembered when deciding whether to recover once more."""

from __future__ import annotations

from provisimus.localcloud.hooks.instances import MOST_RECOVERIES, recent_crashes


def test_crashes_are_forgotten_after_ten_minutes():
    assert recent_crashes((0.0, 400.0, 1000.0), 1010.0) == (1000.0,)
    assert recent_crashes((500.0, 1000.0), 1010.0) == (500.0, 1000.0)


def test_a_machine_is_not_recovered_for_ever():
    assert MOST_RECOVERIES == 3
