"""Versions are ordered as Maven orders them (cases of its ComparableVersion tests)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from provisimus.artifacts.maven.versions import MavenVersion, in_order, nearest

ORDERED = [
    "1-alpha-1",
    "1-alpha2",
    "1-beta",
    "1-milestone-1",
    "1-rc1",
    "1-SNAPSHOT",
    "1.0",
    "1-sp",
    "1-abc",
    "1-1",
    "1.0.1",
    "1.1",
    "1.2",
    "1.10",
    "2.0",
    "20260101",
]


def test_order() -> None:
    assert in_order(reversed(ORDERED)) == ORDERED


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", "1.0.0"),
        ("1", "1-ga"),
        ("1.0.RELEASE", "1"),
        ("1.0-FINAL", "1.0"),
        ("1-cr2", "1-rc2"),
        ("1a1", "1-alpha-1"),
        ("1.0rc1", "1.0-rc-1"),
        ("1.0.0-rc1", "1.0-RC1"),
    ],
)
def test_equal(one: str, other: str) -> None:
    assert MavenVersion(one) == MavenVersion(other)


@pytest.mark.parametrize("pair", list(pairwise(ORDERED)))
def test_order_holds_both_ways(pair: tuple[str, str]) -> None:
    older, newer = map(MavenVersion, pair)
    assert older < newer
    assert not newer < older
    assert older != newer


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("1.0.2", "1.0.1"),
        ("1.1.9", "1.1.0"),
        ("2.1.0", "2.0.0"),
        ("0.9", "1.0.0"),
        ("1.9", "1.1.0"),
        ("2.0.0-rc1", "2.0.0"),
    ],
)
def test_nearest(wanted: str, expected: str) -> None:
    assert nearest(wanted, ["1.0.0", "1.0.1", "1.1.0", "2.0.0"]) == expected


def test_nothing_is_near_nothing() -> None:
    assert nearest("1.0", []) is None
