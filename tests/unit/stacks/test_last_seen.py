from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.model import Digest
from provisimus.stacks.last_seen import LastSeen

if TYPE_CHECKING:
    from pathlib import Path

OLD, NEW = Digest.of(b"old"), Digest.of(b"new")


def test_nothing_is_expected_of_a_stack_that_was_never_seen(tmp_path: Path) -> None:
    assert not LastSeen(tmp_path / "greeter.json").other_than(OLD)


def test_another_source_than_the_last_is_told(tmp_path: Path) -> None:
    last = LastSeen(tmp_path / "stacks/greeter.json")
    last.keep(OLD)
    assert not last.other_than(OLD)
    assert last.other_than(NEW)
    last.keep(NEW)
    assert not last.other_than(NEW)


def test_a_file_that_is_not_whole_is_nothing(tmp_path: Path) -> None:
    place = tmp_path / "greeter.json"
    place.write_text('{"source": ')
    assert not LastSeen(place).other_than(OLD)
