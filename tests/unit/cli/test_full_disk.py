"""A full disk that nobody caught on the way: an error with a place and a hint, no traceback."""

from __future__ import annotations

import errno
from pathlib import Path

import click
import pytest

from provisimus.cli.app import _exit_with


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/srv/x/file"), "/srv/x/file"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "/home/me/file"), "/home/me/file"),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']"), None),
    ],
)
def test_the_place_is_named(
    error: OSError,
    place: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    @click.command()
    def fails() -> None:
        raise error

    with pytest.raises(SystemExit) as exiting:
        _exit_with(fails, [])
    place = place or str(tmp_path)
    assert exiting.value.code == 1
    assert capsys.readouterr().err.splitlines() == [
        f"error: no space is left on the disk of {place}",
        f"  where: {place}",
        "  hint: make room there; nothing is lost, and the same command goes on from here",
    ]
