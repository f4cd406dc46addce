"""Packed bytes unpacked as they stream, never more than a piece at once.

tarfile unpacks all that comes of what it has read: a few kilobytes of zeros packed with bzip2 were
three gigabytes of memory.
"""

from __future__ import annotations

import bz2
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Protocol

from provisimus.artifacts.checksums import PIECE

MOST_MEMORY = 256 << 20
"""Bytes that xz may ask for: its strongest setting takes 65 MiB."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def plain(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The content of what is packed with gzip, bzip2 or xz; anything else as it is.

    Several that follow each other are one, and what comes after them is left unread, as gzip does.
    Raises tarfile.ReadError for damaged bytes, EOFError where they end too early.
    """
    head = b""
    while len(head) < _LONGEST and (piece := next(pieces, b"")):
        head += piece
    stream = chain((head,), pieces)
    for magic, make in _KNOWN.items():
        if head.startswith(magic):
            return _unpacked(stream, magic, make)
    return stream


def _unpacked(
    stream: Iterator[bytes], magic: bytes, make: Callable[[], _Decompressor]
) -> Iterator[bytes]:
    rest = b""
    current: _Decompressor | None = None
    for piece in stream:
        rest += piece
        if current is None:
            if len(rest) < len(magic):
                continue
            if not rest.startswith(magic):
                return
            current = make()
        while current is not None:
            try:
                out = current.decompress(rest, PIECE)
            except (zlib.error, lzma.LZMAError, OSError) as error:
                raise tarfile.ReadError(f"damaged bytes: {error}") from error
            rest = b""
            if out:
                yield out
            if current.eof:
                rest = current.unused_data
                current = make() if rest.startswith(magic) else None
            elif current.needs_input:
                break
    if current is not None:
        raise EOFError("it ends in the middle")


class Reader:
    """Pieces as the file that tarfile reads from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = memoryview(piece)
        found, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return found


class _Gzip:
    """zlib as bz2 and lzma have it: what was not used yet is kept."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        kept = self._inner.unconsumed_tail
        out = self._inner.decompress(kept + data if kept else data, max_length)
        # A full piece may have left more in zlib, with all of the input taken.
        self.needs_input = len(out) < max_length
        return out


_KNOWN: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(memlimit=MOST_MEMORY),
}
_LONGEST = max(map(len, _KNOWN))
