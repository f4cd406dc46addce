"""Raw deflate (RFC 1951), quick or thorough; isal where the library is there, zlib else. Pure.

The quick one stores what hardly shrinks as it is. Most of a JAR is compressed already: to deflate
it again takes longer than all else that is done to it here, and what that would save a network of
1 Gbit/s carries in a third of the time.
"""

from __future__ import annotations

import zlib
from typing import Any, Protocol

BLOCK = 1 << 20
"""Bytes that are looked at together. Blocks lie where they lie in the whole, however it comes in
pieces: the same bytes come out."""

SAMPLES, SAMPLE = 4, 8 << 10
"""How much of a block is tried: so many stretches of so many bytes."""

WORTH = 32
"""A block is deflated when its samples lose more than one in so many bytes."""

STORED = 0xFFFF
"""The most that one stored block of the format takes (RFC 1951, 3.2.4)."""


class Deflate(Protocol):
    """What compresses a stream piece by piece, as zlib's objects do."""

    def compress(self, piece: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...

    def crc32(self, piece: bytes, before: int, /) -> int:
        """Of the plain bytes, as gzip wants it."""


def deflate(level: int) -> Deflate:
    """`level` 1 is quick; 6 and more is small, and zlib's on every machine."""
    if level > 1:
        return _Thorough(level)
    try:
        from isal import isal_zlib
    except ImportError:
        return _Quick(zlib)
    return _Quick(isal_zlib)


class _Thorough:
    def __init__(self, level: int) -> None:
        made = zlib.compressobj(level, zlib.DEFLATED, -15)
        self.compress, self.flush = made.compress, made.flush
        self.crc32 = zlib.crc32


class _Quick:
    """`library` is zlib or has its functions."""

    def __init__(self, library: Any) -> None:
        self._library = library
        self._open: Any = None
        """What deflates; it ends before a block that is stored, whose bytes it does not know."""
        self._block = memoryview(bytearray(BLOCK))
        self._filled = 0
        self.crc32 = library.crc32

    def compress(self, piece: bytes) -> bytes:
        out: list[bytes] = []
        rest = memoryview(piece)
        while rest:
            taken = rest[: BLOCK - self._filled]
            self._block[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            rest = rest[len(taken) :]
            if self._filled == BLOCK:
                out.append(self._packed(self._block))
                self._filled = 0
        return b"".join(out)

    def flush(self) -> bytes:
        last = self._packed(self._block[: self._filled])
        # A stream ends with a last block, empty where what came before was stored.
        return last + (self._open.flush() if self._open else b"\x03\0")

    def _packed(self, block: memoryview) -> bytes:
        if not self._shrinks(block):
            ended = self._open.flush(zlib.Z_SYNC_FLUSH) if self._open else b""
            self._open = None
            return b"".join([ended, *_stored(block)])
        if self._open is None:
            self._open = self._library.compressobj(1, zlib.DEFLATED, -15)
        done: bytes = self._open.compress(block)
        return done

    def _shrinks(self, block: memoryview) -> bool:
        if len(block) <= SAMPLES * SAMPLE:
            return True
        step = (len(block) - SAMPLE) // (SAMPLES - 1)
        tried = b"".join(block[at * step : at * step + SAMPLE] for at in range(SAMPLES))
        return len(self._library.compress(tried, 1)) * WORTH < len(tried) * (WORTH - 1)


def _stored(block: memoryview) -> list[bytes | memoryview]:
    out: list[bytes | memoryview] = []
    for at in range(0, len(block), STORED):
        part = block[at : at + STORED]
        size = len(part)
        out += [b"\0", size.to_bytes(2, "little"), (size ^ STORED).to_bytes(2, "little"), part]
    return out
