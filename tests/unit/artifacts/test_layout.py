"""Coordinates and paths of Maven's layout."""

from __future__ import annotations

import pytest

from provisimus.artifacts.maven import layout
from provisimus.errors import UsageFault
from provisimus.model import Coordinates

GREETER = Coordinates("com.acme", "greeter", "jar", "", "1.0.0")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("com.acme:greeter:1.0.0", GREETER),
        ("com.acme:greeter:jar:1.0.0", GREETER),
        (str(GREETER), GREETER),
        ("a:b:1:tar.gz", Coordinates("a", "b", "tar.gz", "", "1")),
        ("a:b:1:tar.gz:bin", Coordinates("a", "b", "tar.gz", "bin", "1")),
        ("a:b:tar.gz:bin:1", Coordinates("a", "b", "tar.gz", "bin", "1")),
    ],
)
def test_coordinates(text: str, expected: Coordinates) -> None:
    assert layout.parse_coordinates(text) == expected


@pytest.mark.parametrize(
    "text", ["", "a:b", "a:b:c:d:e:f", "a:b:1/2", "a:../b:1", "a::1", ".a:b:1"]
)
def test_no_coordinates(text: str) -> None:
    with pytest.raises(UsageFault, match="no coordinates"):
        layout.parse_coordinates(text)


def test_places() -> None:
    assert layout.version_folder(GREETER) == "com/acme/greeter/1.0.0"
    assert layout.file_name(GREETER) == "greeter-1.0.0.jar"
    classified = Coordinates("a", "b", "tar.gz", "bin", "1-SNAPSHOT")
    assert layout.file_name(classified, "1-20260101.000000-3") == "b-1-20260101.000000-3-bin.tar.gz"
    assert layout.file_name(Coordinates("a", "b", "bundle", "", "1")) == "b-1.jar"


def test_one_file_of_a_snapshot() -> None:
    one = Coordinates("a", "b", "tar.gz", "bin", "1-20260101.000000-3")
    assert layout.version_folder(one) == "a/b/1-SNAPSHOT"
    assert layout.file_name(one) == "b-1-20260101.000000-3-bin.tar.gz"
    snapshot = Coordinates("a", "b", "tar.gz", "bin", "1-SNAPSHOT")
    place = "https://host/a/b/1-SNAPSHOT/"
    assert layout.pinned(snapshot, place + layout.file_name(one)) == one
    assert layout.pinned(snapshot, place + layout.file_name(snapshot)) == snapshot
    assert layout.pinned(GREETER, "x/" + layout.file_name(GREETER)) == GREETER
    assert layout.base_version("1-20260101") == "1-20260101"


def test_source_of_a_manifest() -> None:
    assert layout.from_source("com.acme:greeter", "1.0.0") == GREETER
    assert layout.from_source("a:b:tar.gz:bin", "2") == Coordinates("a", "b", "tar.gz", "bin", "2")
