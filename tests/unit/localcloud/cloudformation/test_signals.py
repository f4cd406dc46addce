"""What a CreationPolicy asks for, and when it has it."""

from __future__ import annotations

import pytest

from provisimus.localcloud.cloudformation.errors import ResourceFailed, ValidationError
from provisimus.localcloud.cloudformation.signals import (
    Awaited,
    Signal,
    awaited,
    check_policy,
    enough,
    seconds,
    with_signal,
)

GOOD, BAD = Signal("i-1", "SUCCESS"), Signal("i-1", "FAILURE")


def test_a_policy_without_words_is_one_signal_within_five_minutes():
    assert awaited({}) is None
    assert awaited({"ResourceSignal": {}}) == Awaited(1, 300)
    assert awaited({"ResourceSignal": {"Count": "3", "Timeout": "PT1H30M"}}) == Awaited(3, 5400)


@pytest.mark.parametrize(
    ("text", "expected"), [("PT15M", 900), ("PT45S", 45), ("PT12H", 43200), ("PT0S", 0)]
)
def test_durations(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize("text", ["", "PT", "15M", "P1D", "PT1.5M", "PT-5M", "PT12H1S"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValidationError, match="Timeout"):
        seconds(text)


def test_a_count_that_is_none_is_refused():
    with pytest.raises(ValidationError, match="Count"):
        awaited({"ResourceSignal": {"Count": "many"}})


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"StartFleet": True}, "CreationPolicy/StartFleet of resource"),
        ({"ResourceSignal": {"Every": 1}}, "CreationPolicy/ResourceSignal/Every of resource"),
        ([], "expected object"),
    ],
)
def test_what_is_not_known_is_refused_by_name(policy, named):
    with pytest.raises(ValidationError, match=named):
        check_policy("A", policy)


def test_enough_is_as_many_senders_as_are_wanted():
    assert not enough(Awaited(2), [GOOD], 10)
    assert enough(Awaited(2), [GOOD, Signal("i-2", "SUCCESS")], 10)
    assert enough(Awaited(1, 5), [GOOD], 10)
    assert enough(Awaited(0), [], 0)


def test_time_that_is_over_says_how_many_are_missing():
    with pytest.raises(
        ResourceFailed, match=r"^Failed to receive 2 resource signal\(s\) within the specified dur"
    ):
        enough(Awaited(3, 300), [GOOD], 300)


def test_a_failure_ends_the_wait():
    with pytest.raises(ResourceFailed, match="Received FAILURE signal with UniqueId i-1"):
        enough(Awaited(2), [BAD], 1)


def test_a_sender_counts_once_and_may_turn_to_failure():
    assert with_signal("A", (), GOOD) == (GOOD,)
    with pytest.raises(ValidationError, match="Signal with ID i-1 for resource A already exists"):
        with_signal("A", (GOOD,), GOOD)
    assert with_signal("A", (GOOD,), BAD) == (BAD,)
