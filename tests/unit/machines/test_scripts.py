"""The shell scripts parse, and say nothing that shellcheck would complain of."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from provisimus.machines.recipe import SCRIPTS

ALL = sorted(path for path in SCRIPTS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_script_is_sound(path: Path) -> None:
    text = path.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    subprocess.run(["sh", "-n", str(path)], check=True)


def test_shellcheck_is_content() -> None:
    found = subprocess.run(
        ["shellcheck", *map(str, ALL)], capture_output=True, text=True, check=False
    )
    assert found.stdout == ""
