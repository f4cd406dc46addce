"""What of many services may begin, and what cannot any more."""

from __future__ import annotations

import pytest

from provisimus.errors import UsageFault
from provisimus.schedule import Schedule, among, blocked, turned

COMPANY = {
    "main": (),
    "names": ("main",),
    "greeters": ("main", "names"),
    "catalog-db": ("main",),
    "catalog": ("main", "catalog-db"),
    "activemq": (),
}


def test_each_begins_when_what_it_needs_is_done_not_a_layer() -> None:
    schedule = Schedule(COMPANY)
    assert schedule.ready() == ["activemq", "main"]
    assert schedule.ready() == []
    schedule.done("main")
    # Its layer is not over: activemq still goes on.
    assert schedule.ready() == ["catalog-db", "names"]
    schedule.done("names")
    assert schedule.ready() == ["greeters"]
    schedule.done("catalog-db")
    assert schedule.ready() == ["catalog"]


def test_what_depends_on_a_failure_never_begins_and_is_told_once() -> None:
    schedule = Schedule(COMPANY)
    schedule.ready()
    schedule.done("main")
    assert schedule.ready() == ["catalog-db", "names"]
    assert schedule.failed("catalog-db") == {"catalog": ("catalog-db",)}
    assert schedule.failed("names") == {"greeters": ("names",)}
    schedule.done("activemq")
    assert schedule.ready() == []


def test_all_that_failed_is_named_near_and_far() -> None:
    needs = {"a": (), "b": (), "c": ("a",), "d": ("c", "b"), "e": ()}
    assert blocked(needs, {"a"}) == {"c": ("a",), "d": ("a",)}
    assert blocked(needs, {"a", "b"}) == {"c": ("a",), "d": ("a", "b")}
    assert blocked(needs, set()) == {}


def test_names_that_are_not_asked_for_are_not_waited_for() -> None:
    assert among({"greeters": ("main", "greeters")}) == {"greeters": frozenset()}
    assert Schedule({"greeters": ("main",)}).ready() == ["greeters"]


def test_taking_down_goes_the_other_way() -> None:
    assert turned({"main": (), "names": ("main",), "greeters": ("main", "names")}) == {
        "main": {"names", "greeters"},
        "names": {"greeters"},
        "greeters": frozenset(),
    }


def test_a_circle_is_refused() -> None:
    with pytest.raises(UsageFault, match=r"in a circle: (a → b → a|b → a → b)"):
        Schedule({"a": ("b",), "b": ("a",)})
