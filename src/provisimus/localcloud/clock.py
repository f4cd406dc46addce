"""What is done at moments: told the time by this computer's clock, or by whoever asks."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

log = logging.getLogger(__name__)

PERIOD = 20.0
"""Seconds between two looks."""


class Clock:
    """Tells the time to those that do something at moments; they answer how much they began."""

    def __init__(
        self, listeners: Iterable[Callable[[datetime], int]], over: threading.Event
    ) -> None:
        """``over`` is set when nobody shall be told any more."""
        self._listeners = tuple(listeners)
        self._over = over

    def start(self) -> None:
        threading.Thread(target=self._watch, name="clock", daemon=True).start()

    def tell(self, moment: str) -> int:
        """Have done what is due at a moment (ISO 8601). Raises ValueError for none."""
        now = datetime.fromisoformat(moment)
        if now.tzinfo is None:
            raise ValueError("it has no time zone")
        return sum(listener(now.astimezone(UTC)) for listener in self._listeners)

    def _watch(self) -> None:
        while not self._over.wait(PERIOD):
            for listener in self._listeners:
                try:
                    listener(datetime.now(UTC))
                except Exception:  # whatever one meets, the others are told
                    log.exception("what was due could not be done")
