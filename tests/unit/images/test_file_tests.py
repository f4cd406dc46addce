"""A text is found in a file wherever it stands, without reading it whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.images.container_tests import _found


@pytest.mark.parametrize(
    ("before", "text", "there"),
    [(0, b"needle", True), ((1 << 20) - 3, b"needle", True), (5, b"pin", False), (0, b"", True)],
)
def test_across_what_is_read_at_once(tmp_path: Path, before: int, text: bytes, there: bool) -> None:
    place = tmp_path / "file"
    place.write_bytes(b"-" * before + b"needle" + b"." * 3000)
    found, end = _found(place, text)
    assert found == there
    if not there:
        assert end == b"." * 2000


def test_an_empty_file(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.touch()
    assert _found(place, b"x") == (False, b"")
    assert _found(place, b"") == (True, b"")
