"""What AWS lets nobody ask of an alarm, whoever could evaluate it.

Source: CloudWatch API reference, PutMetricAlarm. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_SECONDS = (10, 20, 30)
"""Periods below a minute; all others are whole minutes."""
_WORDS = {
    "statistic": ("SampleCount", "Average", "Sum", "Minimum", "Maximum"),
    "comparison_operator": (
        "GreaterThanOrEqualToThreshold", "GreaterThanThreshold", "LessThanThreshold",
        "LessThanOrEqualToThreshold", "LessThanLowerOrGreaterThanUpperThreshold",
        "LessThanLowerThreshold", "GreaterThanUpperThreshold",
    ),
    "treat_missing_data": ("breaching", "notBreaching", "ignore", "missing"),
}  # fmt: skip


def broken(given: Mapping[str, Any]) -> str | None:
    """The constraint that these arguments break, in words; None when there is none."""
    for key, words in _WORDS.items():
        value = given.get(key)
        if value is not None and value not in words:
            return _unsatisfied(key, value, f"Member must satisfy enum value set: {list(words)}")
    period = given.get("period")
    if period is not None and int(period) not in _SECONDS and (int(period) < 1 or int(period) % 60):
        return _unsatisfied("period", period, "It must be 10, 20, 30 or a multiple of 60")
    points, periods = given.get("datapoints_to_alarm"), given.get("evaluation_periods")
    if points is not None and periods is not None and int(points) > int(periods):
        return "DatapointsToAlarm must be less than or equal to EvaluationPeriods"
    return None


def _unsatisfied(key: str, value: object, why: str) -> str:
    first, *rest = key.split("_")
    name = first + "".join(each.capitalize() for each in rest)
    return (
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
        f"{why}"
    )
