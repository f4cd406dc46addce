"""Threads around a schedule: begun when ready, left alone after a failure, interrupted together."""

from __future__ import annotations

import threading
import time

import pytest

from provisimus.errors import NotFound
from provisimus.events import Event, Finished, Said
from provisimus.parallel import Gate, Turns, side_by_side

PATIENCE = 30


def nobody(name: str, causes: tuple[str, ...]) -> None:
    raise AssertionError((name, causes))


def test_two_that_do_not_need_each_other_are_under_way_together() -> None:
    both = threading.Barrier(2)

    def work(name: str) -> str:
        if name != "last":
            both.wait(PATIENCE)
        return name.upper()

    made = side_by_side({"a": (), "b": (), "last": ("a", "b")}, work, nobody)
    assert made == {"a": "A", "b": "B", "last": "LAST"}
    assert [*made][-1] == "last"


def test_who_waits_for_a_turn_hears_whose_it_is() -> None:
    turns = Turns()
    heard: list[str] = []
    waits = threading.Event()

    def second() -> None:
        def tell(other: str) -> None:
            heard.append(other)
            waits.set()

        with turns.turn("bake", "b", tell):
            heard.append("b")

    with turns.turn("bake", "a", heard.append):
        thread = threading.Thread(target=second, daemon=True)
        thread.start()
        assert waits.wait(PATIENCE)
        assert heard == ["a"]
    thread.join(PATIENCE)
    assert heard == ["a", "b"]


def test_as_many_have_a_turn_as_there_are_places() -> None:
    turns = Turns()
    heard: list[str] = []
    waits = threading.Event()

    def third() -> None:
        with turns.turn("start", "c", lambda other: (heard.append(other), waits.set()), 2):
            heard.append("c")

    with turns.turn("start", "a", heard.append, 2):
        with turns.turn("start", "b", heard.append, 2):
            thread = threading.Thread(target=third, daemon=True)
            thread.start()
            assert waits.wait(PATIENCE)
            assert heard == ["a"]
        thread.join(PATIENCE)
        assert heard == ["a", "c"]


def test_nobody_waits_for_a_turn_at_another_thing() -> None:
    turns = Turns()
    heard: list[str] = []
    with turns.turn("bake", "a", heard.append), turns.turn("other", "b", heard.append) as waited:
        assert waited < PATIENCE
    assert heard == []


def test_no_more_than_asked_for_run_at_once() -> None:
    running, most = set(), []

    def work(name: str) -> None:
        running.add(name)
        most.append(len(running))
        running.remove(name)

    side_by_side(dict.fromkeys("abcd", ()), work, nobody, at_once=1)
    assert most == [1, 1, 1, 1]


def test_what_needs_a_failure_is_not_begun_and_the_rest_goes_on() -> None:
    began: list[str] = []
    left: dict[str, tuple[str, ...]] = {}

    def work(name: str) -> str:
        began.append(name)
        if name == "a":
            raise NotFound("no image")
        return name

    needs = {"a": (), "b": ("a",), "c": ("b",), "d": (), "e": ("d",)}
    made = side_by_side(needs, work, left.__setitem__)
    assert sorted(began) == ["a", "d", "e"]
    assert left == {"b": ("a",), "c": ("a",)}
    assert isinstance(made["a"], NotFound)
    assert {made["d"], made["e"]} == {"d", "e"}


def test_an_interruption_reaches_every_thread_and_is_waited_for() -> None:
    waits, cleaned = threading.Event(), []

    def work(name: str) -> None:
        try:
            if name == "a":
                waits.wait(PATIENCE)
                raise KeyboardInterrupt
            waits.set()
            deadline = time.monotonic() + PATIENCE
            while time.monotonic() < deadline:
                time.sleep(0.01)
        finally:
            cleaned.append(name)

    with pytest.raises(KeyboardInterrupt):
        side_by_side({"a": (), "b": (), "c": ("b",)}, work, nobody)
    assert sorted(cleaned) == ["a", "b"]


def test_what_must_not_be_interrupted_anywhere_hears_it_when_it_tells_something() -> None:
    told: list[Event] = []
    gate, talks = Gate(told.append), threading.Event()

    def work(name: str) -> None:
        if name == "a":
            talks.wait(PATIENCE)
            raise KeyboardInterrupt
        try:
            while True:
                gate(Said(name, "still here"))
                talks.set()
        finally:
            gate(Finished(name, 0))

    with pytest.raises(KeyboardInterrupt):
        side_by_side({"a": (), "b": ()}, work, nobody, interrupt=gate.stop)
    assert isinstance(told[-1], Finished)


def test_who_waits_for_a_free_place_is_told_of_once() -> None:
    told: list[str] = []
    names = [f"n{number}" for number in range(5)]
    ended = side_by_side(
        dict.fromkeys(names, ()), lambda name: name, lambda *_: None, at_once=2,
        full=told.append,
    )  # fmt: skip
    assert told == names[2:]
    assert sorted(ended) == names
