"""A disk that is written block by block, each block once or more, in any order.

It is a qcow2 file whose clusters are EBS's blocks of 512 KiB, each at a place that its number
decides. The entry that makes a block part of the disk is written after the block, so the file is
sound at any time: a writer that is killed loses the block that it was writing, at most.
Source: docs/interop/qcow2.txt of QEMU.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

BLOCK = 512 * 1024
"""Bytes of a block ("EBS direct APIs": the block size is always 512 KiB)."""
ZEROS = bytes(BLOCK)

_CLUSTER_BITS = 19
_ENTRIES = BLOCK // 8
"""Entries of a table that fills one cluster; one of level 2 thus covers 32 GiB."""
_COUNTS = BLOCK // 2
"""Clusters whose references one cluster of counts tells, 16 bits each."""
_USED_ONCE = 1 << 63
_ALL_ZEROS = 1
_BACKING_FORMAT = 0xE2792ACA


@dataclass(frozen=True)
class _Places:
    """Where the parts of a file begin, in clusters: header, counts, tables, then the blocks."""

    blocks: int

    @property
    def tables(self) -> int:
        return -(-self.blocks // _ENTRIES)

    @property
    def counts(self) -> int:
        """Clusters of counts: generously, for they count themselves too."""
        return (self.blocks + self.tables + 4) // _COUNTS + 1

    @property
    def level_1(self) -> int:
        return 2 + self.counts

    @property
    def level_2(self) -> int:
        return self.level_1 + 1

    @property
    def first_block(self) -> int:
        return self.level_2 + self.tables


class BlockFile:
    """A file that `create` made, to be written to and read. Several threads may write."""

    def __init__(self, path: Path, size: int) -> None:
        """``size`` is the disk's, in bytes, whole blocks."""
        self._path = path
        self._places = _Places(size // BLOCK)

    @classmethod
    def create(cls, path: Path, size: int, beneath: str | None) -> BlockFile:
        """An empty disk over the one named ``beneath``, or over zeros. Raises OSError."""
        made = cls(path, size)
        places = made._places
        with path.open("xb") as file:
            file.write(_header(size, places, beneath))
            file.seek(BLOCK)
            file.write(_addresses(2, places.counts))
            file.seek(places.level_1 * BLOCK)
            file.write(_addresses(places.level_2, places.tables, _USED_ONCE))
            file.truncate(places.first_block * BLOCK)
            _write_counts(file, [1] * places.first_block)
        return made

    def put(self, index: int, content: bytes) -> None:
        """Write one whole block. Raises OSError."""
        entry = _ALL_ZEROS
        with self._path.open("r+b", buffering=0) as file:
            if content != ZEROS:
                place = (self._places.first_block + index) * BLOCK
                os.pwrite(file.fileno(), content, place)
                entry = place | _USED_ONCE
            entry_place = self._places.level_2 * BLOCK + 8 * index
            os.pwrite(file.fileno(), struct.pack(">Q", entry), entry_place)

    def written(self) -> tuple[int, ...]:
        """The numbers of the blocks that were put, in order."""
        return tuple(index for index, entry in enumerate(self._entries()) if entry)

    def checksum(self) -> bytes:
        """SHA-256 of the SHA-256 of every block put, in order ("linear" in CompleteSnapshot)."""
        whole = hashlib.sha256()
        with self._path.open("rb") as file:
            for index, entry in enumerate(self._entries()):
                if entry == _ALL_ZEROS:
                    whole.update(hashlib.sha256(ZEROS).digest())
                elif entry:
                    place = (self._places.first_block + index) * BLOCK
                    whole.update(hashlib.sha256(os.pread(file.fileno(), BLOCK, place)).digest())
        return whole.digest()

    def count_references(self) -> None:
        """Write how often each cluster is used, which only QEMU's own check asks for."""
        blocks = [int(entry > _ALL_ZEROS) for entry in self._entries()]
        with self._path.open("r+b") as file:
            _write_counts(file, [1] * self._places.first_block + blocks)

    def _entries(self) -> Iterator[int]:
        with self._path.open("rb") as file:
            file.seek(self._places.level_2 * BLOCK)
            raw = file.read(8 * self._places.blocks)
        return (entry for (entry,) in struct.iter_unpack(">Q", raw))


def _header(size: int, places: _Places, beneath: str | None) -> bytes:
    """The first cluster's content, of version 3."""
    name = beneath.encode() if beneath else b""
    fixed = 104
    extension = struct.pack(">II8s", _BACKING_FORMAT, 5, b"qcow2") if beneath else b""
    where = fixed + len(extension) + 8
    return (
        struct.pack(
            ">4sIQIIQIIQQIIQQQQII", b"QFI\xfb", 3, where if beneath else 0, len(name),
            _CLUSTER_BITS, size, 0, places.tables, places.level_1 * BLOCK, BLOCK, 1, 0, 0,
            0, 0, 0, 4, fixed,
        )
        + extension + bytes(8) + name
    )  # fmt: skip


def _write_counts(file: BinaryIO, counts: list[int]) -> None:
    file.seek(2 * BLOCK)
    file.write(struct.pack(f">{len(counts)}H", *counts))


def _addresses(first: int, count: int, flags: int = 0) -> bytes:
    return struct.pack(
        f">{count}Q", *(number * BLOCK | flags for number in range(first, first + count))
    )
