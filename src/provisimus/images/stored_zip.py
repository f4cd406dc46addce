"""A ZIP of stored files as a stream: sizes and checksums are known before a byte is read.

Python's zipfile goes back in its target to fill in what it learnt meanwhile, and what it writes
may change with its version; here the same files give the same bytes everywhere. Source: PKWARE's
APPNOTE 6.3, sections 4.3 to 4.5 (zip64).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

_FULL, _FULL_SHORT = 0xFFFFFFFF, 0xFFFF
"""What stands in a field whose value is in zip64's."""

_TIME, _DATE = 0, (2020 - 1980) << 9 | 1 << 5 | 1
_UTF8 = 0x800
_MODE = 0o600 << 16
_UNIX = 3


@dataclass(frozen=True)
class StoredFile:
    """`crc` is the CRC-32 of its `size` bytes."""

    name: str
    size: int
    crc: int
    pieces: Callable[[], Iterator[bytes]] = field(compare=False, repr=False)


def zip_pieces(files: Sequence[StoredFile]) -> Iterator[bytes]:
    """The archive; contents are asked for one after the other."""
    for each in _parts(files):
        if isinstance(each, bytes):
            yield each
        else:
            yield from each.pieces()


def _parts(files: Sequence[StoredFile]) -> Iterator[bytes | StoredFile]:
    offset = 0
    directory = []
    for each in files:
        header = _header(each)
        directory.append(_listed(each, offset))
        yield header
        yield each
        offset += len(header) + each.size
    yield from directory
    yield _end(len(files), sum(map(len, directory)), offset)


def _header(each: StoredFile) -> bytes:
    name, flags = _name(each)
    # Both sizes, or neither, are in a header's extra field.
    extra = struct.pack("<2H2Q", 1, 16, each.size, each.size) if each.size >= _FULL else b""
    size = _FULL if extra else each.size
    fixed = (b"PK\3\4", _version(extra), flags, 0, _TIME, _DATE, each.crc, size, size)
    return struct.pack("<4s5H3L2H", *fixed, len(name), len(extra)) + name + extra


def _listed(each: StoredFile, offset: int) -> bytes:
    name, flags = _name(each)
    big = [each.size] * 2 if each.size >= _FULL else []
    big += [offset] if offset >= _FULL else []
    extra = struct.pack(f"<2H{len(big)}Q", 1, 8 * len(big), *big) if big else b""
    size = min(each.size, _FULL)
    version = _version(extra)
    fixed = (b"PK\1\2", version, _UNIX, version, 0, flags, 0, _TIME, _DATE, each.crc, size, size)
    rest = (len(name), len(extra), 0, 0, 0, _MODE, min(offset, _FULL))
    return struct.pack("<4s4B4H3L5H2L", *fixed, *rest) + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    big = b""
    if count >= _FULL_SHORT or size >= _FULL or offset >= _FULL:
        fixed = (b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
        big = struct.pack("<4sQ2H2L4Q", *fixed)
        big += struct.pack("<4sLQL", b"PK\6\7", 0, offset + size, 1)
    short = min(count, _FULL_SHORT)
    last = (b"PK\5\6", 0, 0, short, short, min(size, _FULL), min(offset, _FULL), 0)
    return big + struct.pack("<4s4H2LH", *last)


def _name(each: StoredFile) -> tuple[bytes, int]:
    return each.name.encode(), 0 if each.name.isascii() else _UTF8


def _version(extra: bytes) -> int:
    return 45 if extra else 20
