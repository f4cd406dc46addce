"""Packed bytes come out whole, in bounded pieces, however they came in."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as some

from provisimus.artifacts.checksums import PIECE
from provisimus.artifacts.packed import plain

PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
packers = pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


@given(
    some.sampled_from([*PACKERS.values(), bytes]),
    some.lists(some.binary(max_size=99), max_size=3),
    some.lists(some.integers(1, 40), max_size=9),
)
def test_the_same_bytes_whatever_the_pieces(
    pack: Callable[[bytes], bytes], parts: list[bytes], sizes: list[int]
) -> None:
    packed = b"".join(map(pack, parts))
    if pack is bytes and packed[:2] in (b"\x1f\x8b", b"BZ", b"\xfd7"):
        return
    assert b"".join(plain(cut(packed, sizes))) == b"".join(parts)


@packers
def test_never_more_than_a_piece(pack: Callable[[bytes], bytes]) -> None:
    sizes = [len(piece) for piece in plain(iter([pack(bytes(20 * PIECE + 7))]))]
    assert sum(sizes) == 20 * PIECE + 7
    assert max(sizes) <= PIECE


@packers
def test_what_follows_is_left_unread(pack: Callable[[bytes], bytes]) -> None:
    assert b"".join(plain(iter([pack(b"a") + pack(b"b") + bytes(512), b"x"]))) == b"ab"


@packers
def test_truncated_and_damaged(pack: Callable[[bytes], bytes]) -> None:
    packed = pack(bytes(range(256)) * 40)
    with pytest.raises(EOFError):
        list(plain(iter([packed[:-9]])))
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    with pytest.raises(tarfile.ReadError, match="damaged"):
        list(plain(iter([bytes(damaged)])))


def test_xz_that_asks_for_too_much_memory() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 30}]
    with pytest.raises(tarfile.ReadError, match="emory"):
        list(plain(iter([lzma.compress(b"a", filters=filters)])))
