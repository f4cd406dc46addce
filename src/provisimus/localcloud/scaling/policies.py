"""By how much a scaling policy changes the desired capacity. Pure.

Sources: EC2 Auto Scaling user guide, "Step and simple scaling policies for Amazon EC2 Auto Scaling"
("Scaling adjustment types", "Step adjustments") and "Target tracking scaling policies for Amazon
EC2 Auto Scaling".
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

LOW_FACTOR = 0.9
"""A target tracking policy's low alarm lies somewhat below its target."""


def adjusted(desired: int, settings: Mapping[str, Any], amount: int, least: int, most: int) -> int:
    """The new desired capacity when a policy changes it by an amount of its kind."""
    match settings.get("AdjustmentType", "ChangeInCapacity"):
        case "ExactCapacity":
            wanted = amount
        case "PercentChangeInCapacity":
            wanted = desired + _percent(desired, amount, settings)
        case _:
            wanted = desired + amount
    return max(least, min(most, wanted))


def _percent(desired: int, amount: int, settings: Mapping[str, Any]) -> int:
    """Values above 1 are rounded down, those between 0 and 1 are 1; likewise below zero."""
    change = desired * amount / 100
    if 0 < abs(change) < 1:
        change = math.copysign(1, change)
    rounded = math.floor(change) if change > 0 else math.ceil(change)
    smallest = int(settings.get("MinAdjustmentMagnitude") or 0)
    if change and abs(rounded) < smallest:
        rounded = smallest if change > 0 else -smallest
    return rounded


def step(steps: Sequence[Mapping[str, Any]], distance: float) -> int | None:
    """The adjustment of the step in which the metric lies; its distance from the threshold.

    Above the threshold the lower bound belongs to a step, below it the upper bound.
    """
    for each in steps:
        lower = _bound(each.get("MetricIntervalLowerBound"), -math.inf)
        upper = _bound(each.get("MetricIntervalUpperBound"), math.inf)
        inside = lower <= distance < upper if distance >= 0 else lower < distance <= upper
        if inside:
            return int(each["ScalingAdjustment"])
    return None


def tracked(capacity: int, value: float, target: float) -> int:
    """The capacity at which the metric would be at its target; never less when it is above."""
    wanted = math.ceil(capacity * value / target) if target else capacity
    if value > target:
        return max(wanted, capacity + 1)
    return min(wanted, capacity)


def _bound(given: Any, default: float) -> float:
    return default if given is None else float(given)
