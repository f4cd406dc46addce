"""What two images would make at the same time is made once: one makes it, the other then finds it.

Variants share their base, what a builder made for them, and layers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

_LOCKS: defaultdict[str, Lock] = defaultdict(Lock)
_TAKING = Lock()


@contextmanager
def alone(what: str) -> Iterator[None]:
    """Within this process, one at a time for each `what`."""
    with _TAKING:
        lock = _LOCKS[what]
    with lock:
        yield
