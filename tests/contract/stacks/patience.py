"""The wait for an instance's health, by what the instance says and not by how busy it is here.

A well instance has all the time that it takes. One that said that it is sick is not waited for:
the clock that the wait looks at goes past its limit then.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from unittest.mock import patch

from provisimus.events import Event, Said
from provisimus.stacks import health

PAST = 3600.0
"""Seconds; more than any wait in these tests."""


class Patience:
    """What it hears moves the clock of the wait."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def hear(self, event: Event) -> None:
        if isinstance(event, Said) and event.text.startswith("status 503"):
            self._ahead += PAST

    @contextmanager
    def kept(self) -> Iterator[None]:
        """While this holds, waits are by this clock."""
        clock = SimpleNamespace(monotonic=lambda: time.monotonic() + self._ahead, sleep=time.sleep)
        with patch.multiple(health, time=clock, LEAST_PATIENCE=60.0, MOST_PATIENCE=60.0):
            yield
