"""Layers as bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator

import pytest

from provisimus.errors import ProvisimusError
from provisimus.images.layers import EPOCH, CompressedLayer, LayerEntry, tar_pieces

ENTRIES = (
    LayerEntry("app", "folder", 0o755, 1, 2),
    LayerEntry("app/" + "long" * 60, "link", 0o777, target="x"),
    LayerEntry("app/x", "file", 0o644, size=5, pieces=lambda: iter([b"he", b"llo"])),
)


def test_a_tar() -> None:
    data = b"".join(tar_pieces(ENTRIES))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        content = archive.extractfile("app/x")
        assert content is not None
        assert content.read() == b"hello"
    assert [(each.name, each.mode, each.uid, each.gid, each.mtime) for each in members] == [
        ("app", 0o755, 1, 2, EPOCH),
        ("app/" + "long" * 60, 0o777, 0, 0, EPOCH),
        ("app/x", 0o644, 0, 0, EPOCH),
    ]
    assert data == b"".join(tar_pieces(ENTRIES))


@pytest.mark.parametrize("level", [1, 6])
def test_compressed_and_hashed(level: int) -> None:
    plain = b"".join(tar_pieces(ENTRIES)) * 50
    layer = CompressedLayer([plain[:1000], plain[1000:]], level)
    packed = b"".join(layer)
    assert gzip.decompress(packed) == plain
    assert layer.diff_id.hex == hashlib.sha256(plain).hexdigest()
    assert layer.tar_size == len(plain)


def test_an_error_on_the_way_reaches_the_consumer() -> None:
    short = LayerEntry("x", "file", 0o644, size=9, pieces=lambda: iter([b"short"]))
    with pytest.raises(ProvisimusError, match="changed while it was read"):
        list(CompressedLayer(tar_pieces([short])))


def test_a_consumer_that_stops_leaves_no_thread() -> None:
    before = threading.active_count()

    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 100_000

    layer = iter(CompressedLayer(endless()))
    next(layer)
    layer.close()  # type: ignore[attr-defined]
    assert threading.active_count() == before
