"""Whether something temporary may be removed, decided by value."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from provisimus.machines import tags
from provisimus.machines.reap import verdict
from provisimus.machines.temporary import marks_of_run

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
RUN = "20260101T110000-abcdef"
THERE = {tags.RUN: RUN, tags.PLACE: "there", tags.EXPIRES: "2026-01-01T15:00:00Z"}


@pytest.mark.parametrize(
    ("tagged", "knowledge", "expected"),
    [
        (THERE, {}, (False, "its bake may be going on elsewhere until 2026-01-01T15:00:00Z")),
        (THERE, {"all_runs": True}, (True, "asked for with --all-runs")),
        (THERE, {"alive": True, "all_runs": True}, (False, "its bake is going on")),
        (THERE, {"known": True}, (True, "its bake ended here without cleaning up")),
        (
            {**THERE, tags.PLACE: "here"},
            {},
            (True, "its bake ended here without cleaning up"),
        ),
        (
            {**THERE, tags.EXPIRES: "2026-01-01T11:59:59Z"},
            {},
            (True, "expired 2026-01-01T11:59:59Z"),
        ),
        ({**THERE, tags.EXPIRES: "?"}, {}, (False, "its bake may be going on elsewhere until ?")),
    ],
)
def test_verdict(
    tagged: dict[str, str], knowledge: dict[str, bool], expected: tuple[bool, str]
) -> None:
    known = {"known": False, "alive": False, "all_runs": False, **knowledge}
    assert verdict(tagged, now=NOW, here="here", **known) == expected


def test_a_name_that_carries_a_run_tells_when_it_expires() -> None:
    assert marks_of_run(RUN) == {tags.RUN: RUN, tags.EXPIRES: "2026-01-01T15:00:00Z"}
