"""Ranges of versions (examples of the POM reference)."""

from __future__ import annotations

import pytest

from provisimus.artifacts.maven.ranges import Span, VersionRange, parse_range
from provisimus.errors import UsageFault


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("(,1.0]", ["0.9", "1.0", "1.0-rc1", "1.0.0"], ["1.0.1", "1.0-sp"]),
        ("[1.0]", ["1.0", "1", "1.0-ga"], ["1.0.1", "1.0-rc1"]),
        ("[1.2,1.3]", ["1.2", "1.2.9", "1.3"], ["1.1.9", "1.3.1"]),
        ("[1.0,2.0)", ["1.0", "1.99", "2.0-rc1"], ["2.0", "1.0-alpha-1"]),
        ("[1.5,)", ["1.5", "20"], ["1.4.9"]),
        ("(1.0,2.0)", ["1.0.1"], ["1.0", "2.0"]),
        (" (,1.0] , [1.2,) ", ["1.0", "1.2"], ["1.1"]),
        ("(,1.1),(1.1,)", ["1.0", "1.1.1"], ["1.1", "1.1.0"]),
        ("1.0", ["1.0", "7"], ["0.9"]),
        ("(,)", ["0", "7"], []),
    ],
)
def test_what_a_range_holds(text: str, inside: list[str], outside: list[str]) -> None:
    found = parse_range(text)
    assert [each for each in inside if not found.holds(each)] == []
    assert [each for each in outside if found.holds(each)] == []


def test_a_range_is_a_value() -> None:
    found = parse_range("[1.0,2.0),[3]")
    first = Span("1.0", "2.0", with_low=True, with_high=False)
    assert found == VersionRange((first, Span("3", "3", with_low=True, with_high=True)))
    assert str(found) == "[1.0,2.0),[3]"


def test_the_newest_that_fits() -> None:
    versions = ["1.0", "1.10", "1.9", "2.0-rc1", "1.11-SNAPSHOT", "2.0"]
    assert parse_range("[1,2-alpha)").newest(versions) == "1.10"
    assert parse_range("[1,2-alpha)").newest(versions, snapshots=True) == "1.11-SNAPSHOT"
    assert parse_range("[3,)").newest(versions) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("[1", "not known"),
        ("(1)", "square brackets"),
        ("[]", "square brackets"),
        ("[2,1]", "nothing is between"),
        ("(1,1]", "nothing is between"),
        ("[1,2][3,4]", "comma is missing"),
        ("[1,2],", "not known"),
        ("[1,3],[2,4]", "overlap"),
        ("[1,2],[2,4]", "overlap"),
        ("[3,4],[1,2]", "overlap"),
        ("[1,),[2,3]", "overlap"),
        ("1.0 2.0", "not known"),
    ],
)
def test_no_range(text: str, why: str) -> None:
    with pytest.raises(UsageFault, match=why):
        parse_range(text)
