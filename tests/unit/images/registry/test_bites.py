"""What goes to the socket at once."""

from __future__ import annotations

from collections.abc import Iterator

from provisimus.images.registry.uploads import BITE, bites


def test_nothing_is_lost_and_nothing_is_long() -> None:
    pieces = [b"", b"a", bytes(range(256)) * 1025, b"b" * BITE, b"c" * (2 * BITE + 1)]
    found = list(bites(pieces))
    assert b"".join(found) == b"".join(pieces)
    assert max(map(len, found)) == BITE


def test_who_stops_stops_the_source() -> None:
    ended = []

    def source() -> Iterator[bytes]:
        try:
            while True:
                yield b"x" * (BITE + 1)
        finally:
            ended.append(True)

    taken = bites(source())
    next(taken)
    taken.close()  # type: ignore[attr-defined]
    assert ended == [True]
