"""Versions are ordered as Maven orders them (rules and cases of its ComparableVersion)."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.artifacts.maven.versions import MavenVersion, in_order, nearest

ORDERED = [
    "1-alpha-1-SNAPSHOT",
    "1-alpha-1",
    "1-alpha2",
    "1-alpha-123",
    "1-beta",
    "1-beta-123",
    "1-milestone-1",
    "1-m2",
    "1-rc",
    "1-cr2",
    "1-rc3",
    "1-SNAPSHOT",
    "1.0",
    "1-sp",
    "1-sp-1",
    "1-abc",
    "1-def",
    "1-jre-2",
    "1-0.1",
    "1-1-snapshot",
    "1-1",
    "1-2",
    "1-123",
    "1.0.1-rc1",
    "1.0.1",
    "1.1",
    "1.2",
    "1.10",
    "2.0",
    "9.4.53.v20231009",
    "9.4.54.v20240208",
    "31.1-android",
    "31.1-jre",
    "20260101",
    "12345678901234567890",
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
        ("1.0.0-foo.0.0", "1-foo"),
        ("1-0.ga", "1"),
        ("1.", "1"),
        ("1-", "1"),
        ("1.01", "1.1"),
        ("1.0.final-1", "1-1"),
        ("1..1", "1.0.1"),
        ("1m3", "1-milestone-3"),
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


versions = st.text("0123abmlpht-._+-.rcsp", max_size=12) | st.from_regex(
    r"\A[0-9]{1,3}(\.[0-9]{1,2}){0,3}(-?(alpha|b|m|rc|cr|SNAPSHOT|ga|final|sp|foo)[.-]?[0-9]?)?\Z"
)


@given(versions, versions, versions)
def test_the_order_is_total(one: str, two: str, three: str) -> None:
    first, second, third = map(MavenVersion, (one, two, three))
    assert (first < second) + (first == second) + (second < first) == 1
    if first <= second <= third:
        assert first <= third
    if first == second:
        assert hash(first) == hash(second)
        assert (first < third) == (second < third)


@given(st.lists(versions))
def test_sorting_depends_on_nothing_but_the_versions(some: list[str]) -> None:
    assert in_order(some) == in_order(reversed(some))


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
