"""What long work tells whoever listens: the journal, the screen, `--events ndjson`, the page.

Work calls `tell(event)` and never asks what became of it. A listener that fails is dropped from
the conversation, never the work.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace


@dataclass(frozen=True)
class Started:
    """A step begins. `step` names it for the other events; `reason` says why it is needed."""

    step: str
    reason: str = ""


@dataclass(frozen=True)
class Progress:
    """How far a step is: `done` of `total` in `unit` (bytes, layers …); total 0 is unknown."""

    step: str
    done: int
    total: int = 0
    unit: str = "bytes"


@dataclass(frozen=True)
class Said:
    """One line of what a program or the cloud said while a step ran."""

    step: str
    text: str


@dataclass(frozen=True)
class Finished:
    """A step is done; `result` names what it made. `seconds` is wall clock."""

    step: str
    seconds: float
    result: str = ""


@dataclass(frozen=True)
class Skipped:
    """A step that need not be done, and why."""

    step: str
    reason: str


@dataclass(frozen=True)
class Failed:
    step: str
    seconds: float
    error: str


@dataclass(frozen=True)
class Warned:
    """Something to know that does not stop the work."""

    text: str


Event = Started | Progress | Said | Finished | Skipped | Failed | Warned
Tell = Callable[[Event], None]


def silence(event: Event) -> None:
    """Listens to nothing: for reading commands and tests."""


def as_json(event: Event) -> dict[str, object]:
    """The event as one line of `--events ndjson` and of the journal."""
    return {"event": type(event).__name__.lower(), **asdict(event)}


def about(tell: Tell, name: str) -> Tell:
    """Tells of one of many that are worked on at once: the steps have its name before them."""

    def told(event: Event) -> None:
        if isinstance(event, Warned):
            tell(Warned(f"{name}: {event.text}"))
        else:
            tell(replace(event, step=f"{name}: {event.step}"))

    return told


class Broadcast:
    """Tells every listener; one that raises is left out from then on. Threads take turns."""

    def __init__(self, *listeners: Tell) -> None:
        self._listeners = list(listeners)
        self._turn = threading.RLock()  # a listener that is interrupted tells of it

    def __call__(self, event: Event) -> None:
        with self._turn:
            for listener in tuple(self._listeners):
                try:
                    listener(event)
                except Exception:  # noqa: BLE001 whatever a listener does wrong, the work goes on
                    self._listeners.remove(listener)


@dataclass
class Outcome:
    """Filled inside `step(...)`: what the step made, for its `Finished` event."""

    result: str = ""
    began: float = field(default_factory=time.monotonic)


@contextmanager
def step(tell: Tell, name: str, reason: str = "") -> Iterator[Outcome]:
    """Tell that a step starts, and how it ends; set `.result` on the value inside."""
    outcome = Outcome()
    tell(Started(name, reason))
    try:
        yield outcome
    except BaseException as error:
        said = "interrupted" if isinstance(error, KeyboardInterrupt) else str(error)
        tell(Failed(name, time.monotonic() - outcome.began, said or type(error).__name__))
        raise
    tell(Finished(name, time.monotonic() - outcome.began, outcome.result))
