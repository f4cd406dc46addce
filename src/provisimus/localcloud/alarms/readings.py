"""An alarm's rule and its datapoints, read from moto's CloudWatch."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provisimus.localcloud.alarms.evaluation import MORE, Rule, statistic
from provisimus.localcloud.alarms.reasons import Point


def rule_of(alarm: Any) -> Rule:
    periods = int(alarm.evaluation_periods)
    return Rule(
        alarm.comparison_operator,
        float(alarm.threshold),
        periods,
        int(alarm.datapoints_to_alarm or periods),
        alarm.treat_missing_data or "missing",
    )


def points_of(alarm: Any, data: list[Any], now: float) -> list[Point]:
    """The datapoints of the periods that are over, the oldest first."""
    namespace, name, dimensions, period, stat, unit = _metric(alarm)
    wanted = sorted((each.name, each.value) for each in dimensions)
    many = int(alarm.evaluation_periods) + MORE
    end = now // period * period
    begin = end - many * period
    values: dict[int, list[Any]] = {}
    for each in data:
        if each.namespace != namespace or each.name != name or (unit and each.unit != unit):
            continue
        at = seconds(each.timestamp)
        if not begin <= at < end:
            continue
        if sorted((d.name, d.value) for d in each.dimensions) == wanted:
            values.setdefault(int((at - begin) // period), []).append(each)
    return [
        (begin + number * period, _value(stat, values[number]) if number in values else None)
        for number in range(many)
    ]


def seconds(when: datetime) -> float:
    """Since the epoch; moto's times are of UTC and do not say so."""
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _metric(alarm: Any) -> tuple[str, str, list[Any], int, str, str | None]:
    if alarm.metric_data_queries:
        told = alarm.metric_data_queries[0].metric_stat
        metric = told.metric
        return (
            metric.namespace, metric.metric_name, metric.dimensions, int(told.period), told.stat,
            told.unit,
        )  # fmt: skip
    stat = alarm.statistic or alarm.extended_statistic
    return (
        alarm.namespace, alarm.metric_name, alarm.dimensions, int(alarm.period), stat, alarm.unit,
    )  # fmt: skip


def _value(stat: str, found: list[Any]) -> float:
    """Statistics that were put ready-made count with all their samples."""
    if all(hasattr(each, "value") for each in found):
        return statistic(stat, [float(each.value) for each in found])
    ready = [_ready(each) for each in found]
    match stat:
        case "SampleCount":
            return sum(each[0] for each in ready)
        case "Sum":
            return sum(each[1] for each in ready)
        case "Minimum":
            return min(each[2] for each in ready)
        case "Maximum":
            return max(each[3] for each in ready)
        case "Average":
            return sum(each[1] for each in ready) / sum(each[0] for each in ready)
        case _:
            return statistic(stat, [each[1] / each[0] for each in ready])


def _ready(datum: Any) -> tuple[float, float, float, float]:
    """Samples, sum, minimum and maximum of what was put."""
    if hasattr(datum, "value"):
        value = float(datum.value)
        return 1.0, value, value, value
    return float(datum.sample_count), float(datum.sum), float(datum.min), float(datum.max)
