"""Raw deflate that stores what hardly shrinks."""

from __future__ import annotations

import hashlib
import random
import sys
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisimus.images.deflate import BLOCK, STORED, deflate

NOISE = random.Random(1).randbytes(2 * BLOCK + 12345)
TEXT = b"the same again and again, " * (BLOCK // 13)


def packed(plain: bytes, level: int = 1, size: int = BLOCK) -> bytes:
    packing = deflate(level)
    pieces = [plain[at : at + size] for at in range(0, len(plain), size)]
    return b"".join([*map(packing.compress, pieces), packing.flush()])


MIXED = [
    b"",
    b"x",
    NOISE,
    TEXT,
    TEXT + NOISE + TEXT,
    NOISE[:BLOCK] + TEXT + NOISE[: STORED + 1],
    NOISE[: BLOCK - 1],
]


@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("plain", MIXED, ids=lambda plain: f"{len(plain)} bytes")
@pytest.mark.parametrize("library", ["isal", "zlib"])
def test_any_inflates_to_what_it_was(
    library: str, plain: bytes, level: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if library == "zlib":
        monkeypatch.setitem(sys.modules, "isal", None)
    inflate = zlib.decompressobj(-15)
    assert inflate.decompress(packed(plain, level)) == plain
    assert inflate.eof
    assert not inflate.unused_data


def test_what_is_compressed_already_is_stored_and_what_is_not_shrinks() -> None:
    blocks = -(-len(NOISE) // STORED) + 3
    assert len(NOISE) < len(packed(NOISE)) <= len(NOISE) + 5 * blocks + 2
    assert len(packed(TEXT)) < len(TEXT) / 20
    assert len(packed(TEXT + NOISE)) < len(NOISE) + len(TEXT) / 3


@settings(max_examples=20)
@given(st.lists(st.integers(1, 3 * BLOCK), min_size=1, max_size=6))
def test_the_same_bytes_come_out_however_they_come_in(sizes: list[int]) -> None:
    plain = NOISE[: BLOCK + 500] + TEXT[: BLOCK // 2] + NOISE
    packing = deflate(1)
    out, at = [], 0
    for size in (*sizes, len(plain)):
        out.append(packing.compress(plain[at : at + size]))
        at += size
    found = b"".join([*out, packing.flush()])
    # By digest: nobody reads a comparison of megabytes.
    assert hashlib.sha256(found).digest() == hashlib.sha256(packed(plain)).digest()
