"""Carrying out a graph of work: what does not wait for each other runs at the same time.

Knows nothing of images. One fault stops only what stands on it; an interruption stops all.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from provisimus.events import Event, Failed, Finished, Tell

Made = TypeVar("Made")
Task = Callable[[Tell], Made]

GRACE = 10.0
"""Seconds that running work gets to clean up after an interruption."""


@dataclass
class Outcome(Generic[Made]):
    """What became of each task. `not_tried` names what it would have stood on."""

    made: dict[str, Made] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)
    not_tried: dict[str, str] = field(default_factory=dict)


def carry_out(
    tasks: Mapping[str, Task[Made]], needs: Mapping[str, Collection[str]], jobs: int, tell: Tell
) -> Outcome[Made]:
    """Run every task once all that it needs is made, `jobs` at a time, in the order given.

    A task gets a `tell` of its own, which ends it with KeyboardInterrupt at its next event after an
    interruption of the main thread; that is raised again here when all have ended, or after GRACE:
    the programs that they started end with this process.
    """
    outcome: Outcome[Made] = Outcome()
    waiting = list(tasks)
    running: dict[str, threading.Thread] = {}
    done: queue.Queue[tuple[str, Made | None, BaseException | None]] = queue.Queue()
    gate = _Gate(tell)

    def work(name: str) -> None:
        try:
            done.put((name, tasks[name](gate), None))
        except BaseException as error:  # noqa: BLE001 - told to the main thread
            done.put((name, None, error))

    try:
        while waiting or running:
            for name in list(waiting):
                missing = [each for each in needs.get(name, ()) if each not in outcome.made]
                lost = [each for each in missing if each not in waiting and each not in running]
                if lost:
                    waiting.remove(name)
                    outcome.not_tried[name] = lost[0]
                elif not missing and len(running) < jobs:
                    waiting.remove(name)
                    running[name] = threading.Thread(target=work, args=(name,), daemon=True)
                    running[name].start()
            if running:
                name, made, error = done.get()
                del running[name]
                if error is None:
                    outcome.made[name] = made  # type: ignore[assignment]
                elif isinstance(error, Exception):
                    outcome.failed[name] = error
                else:
                    raise error
    except BaseException:
        gate.stop()
        deadline = time.monotonic() + GRACE
        for thread in running.values():
            thread.join(max(0.0, deadline - time.monotonic()))
        raise
    return outcome


class _Gate:
    """One event at a time; none but the last of a step after an interruption."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        self._stopped.set()

    def __call__(self, event: Event) -> None:
        if self._stopped.is_set() and not isinstance(event, (Failed, Finished)):
            raise KeyboardInterrupt
        with self._lock:
            self._tell(event)
