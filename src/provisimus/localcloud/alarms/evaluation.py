"""The state that datapoints mean for an alarm. Pure.

Source: CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat
missing data" with its tables: more datapoints are looked at than are needed, real ones are
preferred to missing ones, and only as many are filled in as are lacking.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
MORE = 2
"""How many periods are looked at beyond those that are evaluated."""
OPERATORS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True)
class Rule:
    """When an alarm rings."""

    operator: str
    threshold: float
    periods: int
    needed: int
    """DatapointsToAlarm."""
    missing: str = "missing"
    """TreatMissingData."""


def breaches(rule: Rule, value: float) -> bool:
    match rule.operator:
        case "GreaterThanOrEqualToThreshold":
            return value >= rule.threshold
        case "GreaterThanThreshold":
            return value > rule.threshold
        case "LessThanThreshold":
            return value < rule.threshold
        case _:
            return value <= rule.threshold


def evaluate(rule: Rule, points: Sequence[float | None], state: str) -> str:
    """The state after datapoints, the oldest first; None is a period without data.

    ``points`` are of the evaluated periods and some before; ``state`` is the present one.
    """
    real = [each for each in points if each is not None]
    if len(real) >= rule.periods:
        counted = [breaches(rule, each) for each in real[-rule.periods :]]
        return ALARM if sum(counted) >= rule.needed else OK
    lacking = rule.periods - len(real)
    bad = sum(breaches(rule, each) for each in real)
    if bad >= rule.needed:
        return ALARM
    match rule.missing:
        case "breaching":
            return ALARM if bad + lacking >= rule.needed else OK
        case "notBreaching":
            return OK
        case _ if not real:
            return state if rule.missing == "ignore" else INSUFFICIENT
        case _ if bad < len(real):
            return OK
        case "ignore":
            return state
        case _:
            # All that there is breaches: it rings once the first one is old enough that no other
            # could have made it good.
            first = next(i for i, each in enumerate(points) if each is not None)
            return ALARM if len(points) - first >= rule.needed else state


def statistic(name: str, values: Sequence[float], counts: Sequence[float] | None = None) -> float:
    """A statistic of the values of one period; ``pNN`` is a percentile. There is at least one."""
    many = len(values) if counts is None else sum(counts)
    match name:
        case "SampleCount":
            return float(many)
        case "Sum":
            return float(sum(values))
        case "Minimum":
            return float(min(values))
        case "Maximum":
            return float(max(values))
        case "Average":
            return float(sum(values)) / many
        case _:
            return _percentile(sorted(values), float(name[1:]))


def _percentile(ordered: Sequence[float], percent: float) -> float:
    """Linear between the two nearest."""
    place = (len(ordered) - 1) * percent / 100
    low, high = math.floor(place), math.ceil(place)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
