"""The ZIP that streams is the one that Python's zipfile would write, and beyond 4 GB it holds."""

from __future__ import annotations

import io
import zipfile
import zlib
from functools import partial
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as some

from provisimus.images.stored_zip import StoredFile, _parts, zip_pieces

NAMES = some.text("aé/.", min_size=1, max_size=9)


def stored(name: str, data: bytes) -> StoredFile:
    return StoredFile(name, len(data), zlib.crc32(data), partial(iter, [data]))


@given(some.dictionaries(NAMES, some.binary(max_size=99), max_size=5))
def test_as_zipfile_writes_it(files: dict[str, bytes]) -> None:
    expected = io.BytesIO()
    with zipfile.ZipFile(expected, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data)
    made = b"".join(zip_pieces([stored(*each) for each in files.items()]))
    assert made == expected.getvalue()


def test_more_than_four_gigabytes(tmp_path: Path) -> None:
    size = (4 << 30) + 7
    files = [
        StoredFile("big", size, 0, partial(iter, [])),
        StoredFile("exact", 0xFFFFFFFF, 0, partial(iter, [])),
        stored("small", b"after them"),
    ]
    path = tmp_path / "sparse.zip"
    with path.open("wb") as file:
        for each in _parts(files):
            if isinstance(each, bytes):
                file.write(each)
            elif each.name == "small":
                file.write(b"after them")
            else:
                # A hole: nothing is written.
                file.seek(each.size, 1)
    with zipfile.ZipFile(path) as archive:
        assert [each.file_size for each in archive.infolist()] == [size, 0xFFFFFFFF, 10]
        assert archive.read("small") == b"after them"
        with archive.open("exact") as hole:
            assert hole.read(4) == bytes(4)


def test_more_entries_than_a_small_field_counts() -> None:
    files = [stored(str(number), b"") for number in range(70_000)]
    with zipfile.ZipFile(io.BytesIO(b"".join(zip_pieces(files)))) as archive:
        assert len(archive.infolist()) == 70_000
