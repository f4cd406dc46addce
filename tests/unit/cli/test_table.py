"""Tables: whole in a pipe, as wide as the terminal on one."""

from __future__ import annotations

import pytest

from provisimus.cli.table import LEAST, cut, fitted, table

ROWS = [("greeter", "UPDATE_COMPLETE", "x" * 90), ("a", "b", "c")]


def test_what_is_piped_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    assert "x" * 90 in table(["service", "status", "url"], ROWS)


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_on_a_terminal_no_line_is_wider_and_all_columns_are_aligned(
    columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    lines = table(["service", "status", "url"], ROWS).splitlines()
    assert max(map(len, lines)) <= columns
    assert len({line.index(word) for line, word in zip(lines, ("URL", "x", "c"), strict=True)}) == 1
    assert ("…" in lines[1]) is (columns < 120)
    assert lines[1].startswith("greeter  UPDATE_"), "the widest gives way first"


def test_what_is_missing_is_taken_from_the_widest() -> None:
    assert fitted([10, 50, 40], 84) == [10, 35, 35]
    assert fitted([10, 20], 100) == [10, 20]
    assert fitted([30, 30], 5) == [LEAST, LEAST]
    assert (cut("abcdef", 4), cut("abcd", 4)) == ("abc…", "abcd")
