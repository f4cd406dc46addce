"""Checksums of files, and the files beside an artifact that promise them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from provisimus.errors import ChecksumMismatch
from provisimus.model import Digest

PIECE = 1 << 20
"""Bytes read at once."""

HINT = "the file was damaged or replaced; publish it again"


@dataclass(frozen=True)
class Sums:
    """Of one file; `size` in bytes."""

    sha256: Digest
    size: int
    others: dict[str, str]


class Summing:
    """The checksums of bytes that pass by: SHA-256, and others by hashlib's names."""

    def __init__(self, algorithms: Iterable[str] = ()) -> None:
        self._main = hashlib.sha256()
        # Only compared with what Maven wrote; SHA-256 is what we rely on.
        self._others = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        self._size = 0

    def update(self, piece: bytes) -> None:
        self._size += len(piece)
        self._main.update(piece)
        for each in self._others.values():
            each.update(piece)

    def result(self) -> Sums:
        found = {name: each.hexdigest() for name, each in self._others.items()}
        return Sums(Digest(self._main.hexdigest()), self._size, found)


def sums_of(path: Path, algorithms: Iterable[str] = ()) -> Sums:
    """Read a file once for its SHA-256 and the other algorithms asked for (hashlib's names)."""
    summing = Summing(algorithms)
    for piece in pieces(path):
        summing.update(piece)
    return summing.result()


def pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            yield piece


def first_word(text: str) -> str:
    """The checksum in a checksum file: Maven writes it bare, `sha256sum` adds the file's name."""
    words = text.split()
    return words[0].lower() if words else ""


def verified(stream: Iterable[bytes], expected: Digest, where: str) -> Iterator[bytes]:
    """Pass the pieces on while hashing them; the last is held back until the sum is right.

    So whoever consumes them cannot finish with wrong bytes. Raises ChecksumMismatch.
    """
    seen = hashlib.sha256()
    held: bytes | None = None
    for piece in stream:
        if held is not None:
            yield held
        seen.update(piece)
        held = piece
    if seen.hexdigest() != expected.hex:
        raise mismatch("SHA-256", expected.hex, seen.hexdigest(), where)
    if held is not None:
        yield held


def mismatch(algorithm: str, expected: str, actual: str, where: str) -> ChecksumMismatch:
    return ChecksumMismatch(
        f"the {algorithm} of the file is {actual[:16]}…, promised is {expected[:16]}…",
        where=where,
        hint=HINT,
    )
