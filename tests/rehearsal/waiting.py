"""Waiting for what a machine does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable


def soon(ask: Callable[[], str], fault: type[Exception], within: float = 120) -> str:
    """The first answer that is no fault. Raises AssertionError after `within` seconds."""
    deadline = time.monotonic() + within
    while True:
        try:
            return ask()
        except fault as error:
            if time.monotonic() >= deadline:
                raise AssertionError(f"nothing serves: {error}") from error
            time.sleep(0.5)
