"""Work on many things at once, each in its turn: the threads around a Schedule."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from queue import SimpleQueue
from typing import TypeVar

from provisimus.events import Event, Failed, Finished, Tell
from provisimus.schedule import Schedule

Made = TypeVar("Made")

AT_ONCE = 8
"""Where all ask one cloud, more would only wait for each other."""
GRACE = 10.0
"""Seconds that work gets to clean up after an interruption, where it starts programs: those end
with this process."""


def side_by_side(
    needs: Mapping[str, Collection[str]],
    work: Callable[[str], Made],
    untouched: Callable[[str, tuple[str, ...]], None],
    *,
    at_once: int = AT_ONCE,
    full: Callable[[str], None] = lambda _: None,
    interrupt: Callable[[Iterable[threading.Thread]], None] | None = None,
    grace: float | None = None,
) -> dict[str, Made | Exception]:
    """Do the work of each name when all that it needs is done; returns what came of each that
    began, in the order in which they ended.

    `untouched` is told once of each that never begins, and of what failed before it; `full` of each
    that could begin and waits until one of `at_once` has ended. What does not depend on a failure
    goes on. Interrupted, every thread hears KeyboardInterrupt, as it would alone, and has `grace`
    seconds to clean up; None is for ever. `interrupt` is for work that must not hear it just
    anywhere: see Gate. Raises UsageFault for a circle.
    """
    schedule = Schedule(needs)
    reports: SimpleQueue[tuple[str, Made | BaseException]] = SimpleQueue()
    waiting: list[str] = []
    told: set[str] = set()
    running: dict[str, threading.Thread] = {}
    ended: dict[str, Made | Exception] = {}
    deaf: set[str] = set()  # over: an interruption would only hit the end of the thread
    hearing = threading.Lock()

    def begin(name: str) -> threading.Thread:
        def report() -> None:
            with suppress(KeyboardInterrupt):
                try:
                    made: Made | BaseException = work(name)
                except BaseException as error:  # noqa: BLE001 whoever waits for it raises it
                    made = error
                reports.put((name, made))
                with hearing:
                    deaf.add(name)

        thread = threading.Thread(target=report, name=name, daemon=True)
        thread.start()
        return thread

    try:
        while True:
            waiting += schedule.ready()
            while waiting and len(running) < at_once:
                name = waiting.pop(0)
                running[name] = begin(name)
            for name in waiting:
                if name not in told:
                    told.add(name)
                    full(name)
            if not running:
                return ended
            name, made = reports.get()
            del running[name]
            if isinstance(made, BaseException):
                if not isinstance(made, Exception):
                    raise made
                for each, causes in schedule.failed(name).items():
                    untouched(each, causes)
            else:
                schedule.done(name)
            ended[name] = made
    except BaseException:
        with hearing:
            (interrupt or _interrupt)(each for name, each in running.items() if name not in deaf)
        deadline = None if grace is None else time.monotonic() + grace
        for thread in running.values():
            thread.join(None if deadline is None else max(0.0, deadline - time.monotonic()))
        raise


def _interrupt(threads: Iterable[threading.Thread]) -> None:
    """Let each thread hear KeyboardInterrupt where it is.

    Python gives signals to the main thread only ("signal", Signals and threads). What waits for
    the cloud leaves its operation running there, says how to go on, and lets go of its lock. Who
    waits for a program hears it with the program's next line.

    Not for work that starts threads: until a new one runs, CPython takes it for its maker, and it
    hears in its maker's place (PyThreadState_New, PyThreadState_SetAsyncExc).
    """
    for each in threads:
        if each.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(each.ident), ctypes.py_object(KeyboardInterrupt)
            )


class Turns:
    """For each thing, one at a time of many or as many as have a place, in any order."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._held: dict[str, list[str]] = {}

    @contextmanager
    def turn(
        self, at: str, name: str, on_wait: Callable[[str], None], places: int = 1
    ) -> Iterator[float]:
        """Hold one of the places `at` a thing; gives the seconds that it was waited for. `on_wait`
        is told whose turn it is, where it is another's."""
        began = time.monotonic()
        with self._changed:
            held = self._held.setdefault(at, [])
            if len(held) >= places:
                on_wait(held[0])
                self._changed.wait_for(lambda: len(held) < places)
            held.append(name)
        try:
            yield time.monotonic() - began
        finally:
            with self._changed:
                held.remove(name)
                self._changed.notify_all()


class Gate:
    """Ends work with KeyboardInterrupt at its next event once it is stopped; what ends a step is
    told all the same."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._stopped = threading.Event()

    def stop(self, _: Iterable[threading.Thread]) -> None:
        self._stopped.set()

    def __call__(self, event: Event) -> None:
        if self._stopped.is_set() and not isinstance(event, (Failed, Finished)):
            raise KeyboardInterrupt
        self._tell(event)
