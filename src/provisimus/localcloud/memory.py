"""Memory goes back to the computer once it is free.

glibc gives each thread an arena of its own and keeps what was freed in them: many requests later,
a process with a few threads holds a quarter more than it uses. mallopt(3) has the numbers.
"""

from __future__ import annotations

import contextlib
import ctypes

_TRIM_THRESHOLD, _ARENA_MAX = -1, -8


def return_what_is_free() -> None:
    """To be called before there are threads; without effect where the C library is another."""
    with contextlib.suppress(AttributeError, OSError):
        library = ctypes.CDLL(None)
        library.mallopt(_TRIM_THRESHOLD, 64 * 1024)
        library.mallopt(_ARENA_MAX, 1)
