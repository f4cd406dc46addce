"""Scaling policies, by value. Examples are those of the EC2 Auto Scaling user guide."""

from __future__ import annotations

from dataclasses import replace

import pytest

from provisimus.localcloud.scaling.acting import Order, executed
from provisimus.localcloud.scaling.errors import ScalingError
from provisimus.localcloud.scaling.group import Policy
from provisimus.localcloud.scaling.policies import adjusted, step, tracked
from provisimus.localcloud.scaling.tracking import alarms

from .builders import NOW, group, member

PERCENT = {"AdjustmentType": "PercentChangeInCapacity"}


@pytest.mark.parametrize(
    ("desired", "settings", "amount", "wanted"),
    [
        (3, {"AdjustmentType": "ChangeInCapacity"}, 5, 8),
        (3, {"AdjustmentType": "ExactCapacity"}, 5, 5),
        (10, PERCENT, 10, 11),
        (3, PERCENT, 10, 4),
        (9, PERCENT, 75, 15),
        (9, PERCENT, -75, 3),
        (4, {**PERCENT, "MinAdjustmentMagnitude": 2}, 25, 6),
        (9, {}, 50, 20),
    ],
)
def test_adjustments(desired, settings, amount, wanted):
    assert adjusted(desired, settings, amount, 0, 20) == wanted


STEPS = [
    {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10, "ScalingAdjustment": 0},
    {"MetricIntervalLowerBound": 10, "MetricIntervalUpperBound": 20, "ScalingAdjustment": 10},
    {"MetricIntervalLowerBound": 20, "ScalingAdjustment": 30},
    {"MetricIntervalLowerBound": -10, "MetricIntervalUpperBound": 0, "ScalingAdjustment": -1},
    {"MetricIntervalUpperBound": -10, "ScalingAdjustment": -30},
]


@pytest.mark.parametrize(
    ("distance", "found"), [(0, 0), (9.9, 0), (10, 10), (20, 30), (-9, -1), (-10, -30)]
)
def test_steps(distance, found):
    assert step(STEPS, distance) == found


def test_a_target_is_tracked_upwards_at_least_by_one():
    assert [tracked(2, value, 50) for value in (100, 51, 50, 20)] == [4, 3, 2, 1]


def policy(kind, **settings):
    return Policy("p", "arn:p", {"PolicyType": kind, **settings})


def desired(found, wanted, value=0.0, threshold=0.0, **more):
    order = Order("arn:p", value, threshold, "high", "ALARM")
    return executed(found, wanted, order, NOW, heed_cooldown=True, **more)


def test_a_simple_policy_pauses_and_says_why():
    simple = policy("SimpleScaling", AdjustmentType="ChangeInCapacity", ScalingAdjustment=1,
                    Cooldown=60)  # fmt: skip
    found = group(member("i-1"))
    after = desired(found, simple)
    assert after.desired == 2
    assert after.why.endswith(
        "a monitor alarm high in state ALARM triggered policy p changing the desired capacity from "
        "1 to 2."
    )
    assert desired(after, simple) == after
    assert desired(replace(found, suspended=frozenset({"AlarmNotification"})), simple).desired == 1


def test_the_same_breach_adds_no_others_to_those_that_warm_up():
    steps = policy(
        "StepScaling", AdjustmentType="ChangeInCapacity", EstimatedInstanceWarmup=300,
        StepAdjustments=[{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}],
    )  # fmt: skip
    warming = group(member("i-1"), member("i-2", in_service=NOW - 10))
    assert desired(warming, steps, 5, 1).desired == 2
    assert desired(group(member("i-1"), member("i-2")), steps, 5, 1).desired == 3


def test_target_tracking_makes_two_alarms():
    wanted = {
        "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
        "TargetValue": 50,
    }
    high, low = alarms("g", "arn:policyName/cpu", wanted)
    assert (high["Threshold"], high["EvaluationPeriods"], high["AlarmActions"]) == (
        50, 3, ["arn:policyName/cpu"],
    )  # fmt: skip
    assert (low["ComparisonOperator"], low["Threshold"]) == ("LessThanThreshold", 45)
    assert len(alarms("g", "arn:policyName/cpu", {**wanted, "DisableScaleIn": True})) == 1
    wanted["PredefinedMetricSpecification"]["PredefinedMetricType"] = "ASGAverageNetworkIn"
    with pytest.raises(ScalingError, match="ASGAverageNetworkIn is known to AWS"):
        alarms("g", "arn:policyName/cpu", wanted)


def test_requests_are_those_of_the_target_group_that_the_label_names():
    label = "app/front/778d41231b141a0f/targetgroup/web/943f017f100becff"
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    wanted = {"PredefinedMetricSpecification": metric, "TargetValue": 100}
    high = alarms("g", "arn:policyName/requests", wanted)[0]
    assert (high["MetricName"], high["Statistic"]) == ("RequestCountPerTarget", "Sum")
    assert high["Dimensions"] == [
        {"Name": "TargetGroup", "Value": "targetgroup/web/943f017f100becff"}
    ]
    for wrong in (None, "", "targetgroup/web/9", "app/front/targetgroup/web/9"):
        metric["ResourceLabel"] = wrong
        with pytest.raises(ScalingError, match="needs a ResourceLabel"):
            alarms("g", "arn:policyName/requests", wanted)
