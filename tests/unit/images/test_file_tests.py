"""A file comes out of its container, and a text is found in it without reading it whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisimus.errors import Unhealthy
from provisimus.images.container_tests import COPIES, _copy, _found
from provisimus.workspace.definitions.image import FileTest, Test


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


class Engine:
    """Calls every copy done; only the last of so many brings something."""

    def __init__(self, copies: int) -> None:
        self.left = copies

    def run(self, *arguments: str) -> str:
        self.left -= 1
        if self.left == 0:
            Path(arguments[-1]).touch()
        return ""


def test_a_copy_that_does_not_come_is_asked_for_again(tmp_path: Path) -> None:
    test, place = Test(file=FileTest(path="/app/run")), tmp_path / "file"
    engine = Engine(COPIES)
    _copy(engine, "container", test, "/app/run", place)
    assert place.exists() and engine.left == 0
    with pytest.raises(Unhealthy, match="did not"):
        _copy(Engine(COPIES + 1), "container", test, "/app/run", tmp_path / "other")
