"""Uploads and downloads that break off: through a proxy before a real registry, and at a fake."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import ChecksumMismatch, ProvisimusError, Unreachable
from provisimus.images.registry import Registry, uploads
from provisimus.images.registry.content import Known
from provisimus.model import Digest

if TYPE_CHECKING:
    from conftest import CuttingProxy, Misbehaving

DATA = os.urandom(1_000_000)
DIGEST = Digest.of(DATA)


def client(url: str) -> Registry:
    return Registry(url, pause=lambda _: None)


def pieces() -> Iterator[bytes]:
    yield from (DATA[index : index + 50_000] for index in range(0, len(DATA), 50_000))


def known() -> Known:
    return Known(DIGEST, len(DATA), lambda offset: [DATA[offset:]])


@pytest.fixture
def name() -> str:
    return f"team/image-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("cut", [1000, 300_000, 900_000])
def test_a_real_registry_gets_what_is_made(cutting: CuttingProxy, name: str, cut: int) -> None:
    cutting.cuts.append(("up", cut))
    registry = client(cutting.url)
    assert registry.upload(name, pieces).digest == DIGEST
    assert not cutting.cuts
    assert b"".join(registry.blob_pieces(name, DIGEST)) == DATA


@pytest.mark.parametrize("cut", [1000, 300_000, 900_000])
def test_a_real_registry_gets_what_is_known(cutting: CuttingProxy, name: str, cut: int) -> None:
    cutting.cuts.append(("up", cut))
    registry = client(cutting.url)
    assert registry.copy_blob(name, known()).size == len(DATA)
    assert not cutting.cuts
    assert b"".join(registry.blob_pieces(name, DIGEST)) == DATA


def test_a_real_registry_gives_the_rest_of_a_download(cutting: CuttingProxy, name: str) -> None:
    registry = client(cutting.url)
    registry.upload(name, pieces)
    cutting.cuts.extend([("down", 300_000), ("down", 400_000)])
    assert b"".join(client(cutting.url).blob_pieces(name, DIGEST)) == DATA
    assert not cutting.cuts
    assert b"".join(registry.blob_pieces(name, DIGEST, 999_990)) == DATA[-10:]


def test_a_real_registry_takes_chunks(
    registry_url: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHUNK", 300_000)
    upload = uploads._Upload(client(registry_url)._transport, name, uploads._FromMaker(pieces))
    upload._chunk = 300_000
    assert upload.run().digest == DIGEST
    assert b"".join(client(registry_url).blob_pieces(name, DIGEST)) == DATA


@pytest.mark.parametrize("how", ["made", "known"])
def test_what_arrived_is_not_sent_again(misbehaving: Misbehaving, how: str) -> None:
    registry = client(misbehaving.url)
    if how == "made":
        misbehaving.faults.append(("PATCH", "/uploads/", "half"))
        assert registry.upload("x", pieces).digest == DIGEST
        assert misbehaving.kept == [400_000, 600_000]
    else:
        misbehaving.faults.append(("PUT", "/uploads/", "half"))
        registry.copy_blob("x", known())
        assert misbehaving.kept == [500_000, 500_000]
    assert misbehaving.blobs == {str(DIGEST): DATA}


def test_other_bytes_than_before_begin_anew(misbehaving: Misbehaving) -> None:
    misbehaving.faults.append(("PATCH", "/uploads/", "half"))
    made: list[bytes] = []

    def random() -> Iterator[bytes]:
        made.append(os.urandom(1_000_000))
        yield from (made[-1][index : index + 50_000] for index in range(0, 1_000_000, 50_000))

    blob = client(misbehaving.url).upload("x", random)
    assert len(made) == 3
    assert misbehaving.blobs == {str(blob.digest): made[-1]}


def test_a_registry_that_remembers_nothing_gets_all_again(misbehaving: Misbehaving) -> None:
    misbehaving.statuses = False
    misbehaving.faults.append(("PATCH", "/uploads/", "half"))
    client(misbehaving.url).upload("x", pieces)
    assert misbehaving.kept == [400_000, 1_000_000]


def test_a_registry_that_takes_nothing_of_size(misbehaving: Misbehaving) -> None:
    misbehaving.limit = 1000
    registry = Registry(misbehaving.url, pause=lambda _: None)
    with pytest.raises(ProvisimusError, match="answered 413") as caught:
        registry.upload("r/x", lambda: [b"x" * 5000])
    assert "a proxy before it limits the size" in (caught.value.hint or "")


def test_a_registry_without_room(misbehaving: Misbehaving) -> None:
    registry = Registry(misbehaving.url, pause=lambda _: None)
    misbehaving.faults.append(("PATCH", "uploads", 507))
    with pytest.raises(ProvisimusError, match="answered 507") as caught:
        registry.upload("r/x", lambda: [b"x" * 5000])
    assert "has it room on its disk?" in (caught.value.hint or "")
    assert registry.upload("r/x", lambda: [b"x" * 5000]).size == 5000


def test_a_long_way_in_small_steps(misbehaving: Misbehaving) -> None:
    # More cuts in a row than an upload has attempts: each got further than the one before.
    misbehaving.faults.append(("PUT", "/uploads/", "half"))
    misbehaving.faults.extend([("PATCH", "/uploads/", "half")] * 6)
    client(misbehaving.url).copy_blob("x", known())
    assert len(misbehaving.kept) == 8
    assert sum(misbehaving.kept) == len(DATA)


def test_an_answer_that_was_lost(misbehaving: Misbehaving) -> None:
    misbehaving.faults.append(("PUT", "/uploads/", "lost"))
    assert client(misbehaving.url).upload("x", pieces).digest == DIGEST
    assert sum(misbehaving.kept) == len(DATA)


def test_a_small_blob_that_is_there_is_no_fault(misbehaving: Misbehaving) -> None:
    registry = client(misbehaving.url)
    blob = registry.put_blob("x", b"content")
    misbehaving.faults.append(("PUT", "/uploads/", 400))
    assert registry.put_blob("x", b"content") == blob
    misbehaving.faults.append(("PUT", "/uploads/", 400))
    with pytest.raises(ProvisimusError, match="400"):
        registry.put_blob("x", b"other")


def test_a_registry_that_takes_only_small_requests(
    misbehaving: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehaving.limit = 200_000
    monkeypatch.setattr(uploads, "CHUNK", 200_000)
    assert client(misbehaving.url).upload("x", pieces).digest == DIGEST
    assert misbehaving.kept == [200_000] * 5
    misbehaving.kept.clear()
    misbehaving.blobs.clear()
    client(misbehaving.url).copy_blob("x", known())
    assert misbehaving.kept == [200_000] * 5


def test_a_chunk_that_is_cut_goes_on(
    misbehaving: Misbehaving, monkeypatch: pytest.MonkeyPatch
) -> None:
    misbehaving.limit = 200_000
    monkeypatch.setattr(uploads, "CHUNK", 200_000)
    begun: list[int] = []

    def counted() -> Iterator[bytes]:
        begun.append(1)
        if len(begun) == 2:
            misbehaving.faults.append(("PATCH", "/uploads/", "half"))
        yield from pieces()

    client(misbehaving.url).upload("x", counted)
    assert misbehaving.kept == [100_000, 100_000, *[200_000] * 4]
    assert len(begun) == 2  # the first was refused for its size


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_goes_on(misbehaving: Misbehaving, ranges: bool) -> None:
    misbehaving.ranges = ranges
    misbehaving.blobs[str(DIGEST)] = DATA
    misbehaving.faults.extend(
        [("GET", "/blobs/", "half"), ("GET", "/blobs/", 503), ("GET", "/blobs/", "half")]
    )
    assert b"".join(client(misbehaving.url).blob_pieces("x", DIGEST)) == DATA
    asked = [each["range"] for each in misbehaving.headers if "range" in each]
    assert asked[-1] == ("bytes=750000-" if ranges else "bytes=500000-")


def test_a_download_in_dribs_and_drabs(misbehaving: Misbehaving) -> None:
    misbehaving.blobs[str(DIGEST)] = DATA
    misbehaving.faults.append(("GET", "/blobs/", "slow"))
    assert b"".join(client(misbehaving.url).blob_pieces("x", DIGEST)) == DATA


def test_a_download_that_never_gets_further_ends(misbehaving: Misbehaving) -> None:
    misbehaving.blobs[str(DIGEST)] = DATA
    misbehaving.faults.extend([("GET", "/blobs/", "cut")] * 10)
    with pytest.raises(Unreachable, match="broke off a download 4 times"):
        list(client(misbehaving.url).blob_pieces("x", DIGEST))


def test_a_rest_that_is_wrong_is_noticed(misbehaving: Misbehaving) -> None:
    misbehaving.blobs[str(DIGEST)] = DATA
    misbehaving.faults.extend([("GET", "/blobs/", "half"), ("GET", "/blobs/", "lie")])
    with pytest.raises(ChecksumMismatch):
        list(client(misbehaving.url).blob_pieces("x", DIGEST))


def test_a_source_that_fails_is_not_the_registry(misbehaving: Misbehaving) -> None:
    def failing() -> Iterator[bytes]:
        yield b"x" * 100_000
        raise Unreachable("the binary repository broke off")

    with pytest.raises(ProvisimusError, match="the binary repository broke off"):
        client(misbehaving.url).upload("x", failing)
    assert misbehaving.blobs == {}


def test_the_registry_says_how_long_to_wait(misbehaving: Misbehaving) -> None:
    waited: list[float] = []
    registry = Registry(misbehaving.url, pause=waited.append)
    misbehaving.faults.extend([("GET", "/manifests/", 429), ("PATCH", "/uploads/", 429)])
    assert registry.manifest("x", "1") is None
    registry.upload("x", pieces)
    assert waited == [7, 7]
