"""What is in an image's context."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.images.context import ignore_rules, matching, read_context


def test_reading(tmp_path: Path) -> None:
    for name in ("manifest.yaml", "Dockerfile.j2", "b.txt", "a.sh", "skip.log"):
        (tmp_path / name).write_text(name)
    (tmp_path / "a.sh").chmod(0o711)
    (tmp_path / "b.txt").chmod(0o600)
    (tmp_path / "f").mkdir(mode=0o700)
    (tmp_path / "f" / "l").symlink_to("../b.txt")
    (tmp_path / ".dockerignore").write_text("*.log\n")
    found = read_context(tmp_path)
    assert [each.identity for each in found] == [
        ["a.sh", "file", "755", found[0].digest],
        ["b.txt", "file", "644", found[1].digest],
        ["f", "folder", "755", ""],
        ["f/l", "link", "777", "../b.txt"],
    ]
    assert found[0].pieces is not None
    assert b"".join(found[0].pieces()) == b"a.sh"


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidDefinitions, match="cannot be in an image"):
        read_context(tmp_path)


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        ("*.log", ["a.log"], ["d/a.log", "log"]),
        ("**/*.log", ["a.log", "d/e/a.log"], ["a.logs"]),
        ("d", ["d", "d/e", "d/e/f"], ["dd", "e/d"]),
        ("/d/", ["d/e"], ["dd"]),
        ("*\n!keep", ["a", "b/c"], ["keep", "keep/x"]),
        ("d\n!d/x", ["d/y"], ["d/x"]),
        ("# c\n\na?c", ["abc"], ["ac", "abbc"]),
        ("[ab].txt", ["a.txt"], ["c.txt"]),
    ],
)
def test_dockerignore(rules: str, ignored: list[str], kept: list[str]) -> None:
    rule = ignore_rules(rules)
    assert [path for path in [*ignored, *kept] if rule(path)] == ignored


def test_wildcards_do_not_cross_folders() -> None:
    assert matching("*.txt", ["a.txt", "d/b.txt"]) == ["a.txt"]
    assert matching("d/[a-c].txt", ["a.txt", "d/b.txt"]) == ["d/b.txt"]
