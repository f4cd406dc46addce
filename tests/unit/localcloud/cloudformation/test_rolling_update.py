"""Batches and verdicts of a rolling update. Source: "AutoScalingRollingUpdate policy"."""

from __future__ import annotations

import pytest

from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._rolling_update import (
    Batch,
    Policy,
    next_batch,
    raised,
    read,
    verdict,
)
from provisimus.localcloud.cloudformation.signals import Awaited, Signal, enough

OLD = ("i-1", "i-2", "i-3")


def test_what_is_not_said_has_the_documented_defaults():
    assert read({}) == Policy(1, 0, 100, 0, signals=False)
    waits = read({"WaitOnResourceSignals": "true", "PauseTime": "PT1M30S", "MaxBatchSize": "2"})
    assert (waits.batch, waits.pause, waits.signals, waits.said_pause) == (2, 90, True, "PT1M30S")
    with pytest.raises(ResourceFailed, match="PT1H at most"):
        read({"PauseTime": "PT2H"})


@pytest.mark.parametrize(
    ("policy", "desired", "most", "many"),
    [(Policy(), 2, 4, 2), (Policy(in_service=2), 2, 4, 3), (Policy(2, 2), 2, 3, 3),
     (Policy(in_service=1), 2, 4, 2)],
)  # fmt: skip
def test_as_many_more_as_are_needed_to_keep_some_in_service(policy, desired, most, many):
    assert raised(policy, desired, most) == many


def test_batches_keep_enough_in_service_and_end_with_as_many_as_desired():
    assert next_batch(Policy(2), OLD, 0, 3, 3) == Batch(("i-1", "i-2"), 2)
    assert next_batch(Policy(2, 2), OLD, 0, 3, 3) == Batch(("i-1",), 1)
    # One more than desired is there already: the last old one is not replaced.
    assert next_batch(Policy(1, 2), ("i-3",), 2, 2, 3) == Batch(("i-3",), 0)


def test_a_verdict_waits_for_all_signals_and_counts_failures():
    well, sick = Signal("i-4", "SUCCESS"), Signal("i-5", "FAILURE")
    policy = Policy(pause=60, signals=True)
    assert not verdict(policy, [well], 2, 10)
    assert verdict(policy, [well, Signal("i-6", "SUCCESS")], 2, 10)
    with pytest.raises(ResourceFailed, match=r"Received 1 FAILURE signal\(s\) out of 2"):
        verdict(policy, [well, sick], 2, 10)
    with pytest.raises(ResourceFailed, match="Unable to satisfy 100%"):
        verdict(policy, [well], 2, 60)
    half = Policy(pause=60, signals=True, percent=50)
    assert verdict(half, [well, sick], 2, 10)
    assert verdict(half, [well], 2, 60)


def test_a_creation_may_do_with_some_of_its_signals():
    some = Awaited(2, 60, 50)
    well, sick = Signal("i-1", "SUCCESS"), Signal("i-2", "FAILURE")
    assert not enough(some, [well], 10)
    assert enough(some, [well, sick], 10)
    assert enough(some, [well], 60)
    with pytest.raises(ResourceFailed, match="Received 2 FAILURE"):
        enough(some, [sick, Signal("i-3", "FAILURE")], 10)
