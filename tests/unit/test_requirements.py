"""The pins hold on any day: what a package asks for with extras is pinned with them."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


def pins(name: str) -> dict[str, set[str]]:
    """The extras of each pinned package, by its canonical name."""
    lines = (REQUIREMENTS / name).read_text().splitlines()
    found = [Requirement(line.rstrip(" \\")) for line in lines if line[:1].isalnum()]
    return {canonicalize_name(each.name): each.extras for each in found}


def test_extras_are_pinned_with_the_package() -> None:
    """Else pip takes the newest version for the extra, and finds that it has no hash."""
    pinned = pins("dev.txt")
    missing = []
    for distribution in distributions():
        if canonicalize_name(distribution.name) not in pinned:
            continue
        for text in distribution.requires or ():
            wanted = Requirement(text)
            if not wanted.extras or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
                continue
            if not wanted.extras <= pinned.get(canonicalize_name(wanted.name), set()):
                missing.append(f"{distribution.name} wants {text}")
    assert missing == [], "script/requirements pins them"


@pytest.mark.parametrize("name", ["dev.txt", "run.txt"])
def test_no_address_stands_in_the_pins(name: str) -> None:
    text = (REQUIREMENTS / name).read_text()
    assert "://" not in text
    assert "--index" not in text
