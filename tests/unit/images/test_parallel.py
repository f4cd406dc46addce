"""Work in a graph: order, faults, interruptions."""

from __future__ import annotations

import _thread
import threading
from typing import Any

import pytest

from provisimus.events import Event, Finished, Said, silence
from provisimus.images.parallel import carry_out


def nothing(_: Any) -> str:
    return "made"


def test_bases_come_first() -> None:
    order: list[str] = []
    tasks = {name: lambda _, name=name: order.append(name) for name in "dcba"}
    needs = {"d": {"c"}, "c": {"b", "a"}, "b": {"a"}}
    outcome = carry_out(tasks, needs, 4, silence)
    assert order == ["a", "b", "c", "d"]
    assert outcome.made.keys() == set("abcd")


def test_what_is_independent_runs_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=30)
    tasks = {name: lambda _: meeting.wait() for name in "abc"}
    assert len(carry_out(tasks, {}, 3, silence).made) == 3


def test_no_more_at_a_time_than_was_said() -> None:
    running: set[str] = set()
    most: list[int] = []

    def work(name: str) -> None:
        running.add(name)
        most.append(len(running))
        running.remove(name)

    carry_out({name: lambda _, name=name: work(name) for name in "abcdefgh"}, {}, 1, silence)
    assert max(most) == 1


def test_a_fault_stops_only_what_stands_on_it() -> None:
    def fail(_: Any) -> str:
        raise ValueError("no")

    tasks = {"a": fail, "b": nothing, "c": nothing, "d": nothing}
    outcome = carry_out(tasks, {"c": ["a"], "d": ["c"]}, 2, silence)
    assert outcome.made == {"b": "made"}
    assert [str(each) for each in outcome.failed.values()] == ["no"]
    assert outcome.not_tried == {"c": "a", "d": "c"}


def test_an_interruption_ends_all() -> None:
    told: list[Event] = []
    others = threading.Event()

    def interrupt(_: Any) -> None:
        others.wait(30)
        _thread.interrupt_main()

    def talk(tell: Any) -> None:
        others.set()
        try:
            while True:
                tell(Said("b", "still here"))
        finally:
            tell(Finished("b", 0))

    with pytest.raises(KeyboardInterrupt):
        carry_out({"a": interrupt, "b": talk}, {}, 2, told.append)
    assert isinstance(told[-1], Finished)
    assert threading.active_count() == len(threading.enumerate())
