"""Why an alarm changed its state, as StateReason says it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from provisimus.localcloud.alarms.evaluation import (
    INSUFFICIENT,
    OK,
    OPERATORS,
    Rule,
    breaches,
)

Point = tuple[float, float | None]
"""When its period began, in seconds since the epoch, and its value."""


def why(rule: Rule, points: Sequence[Point], before: str, after: str) -> str:
    real = [(at, value) for at, value in points if value is not None][-rule.periods :]
    if after == INSUFFICIENT:
        unknown = _several(rule.periods, "datapoint was", "datapoints were")
        return f"Insufficient Data: {unknown} unknown."
    if not real:
        missing = _several(rule.periods, "missing datapoint was", "missing datapoints were")
        treated = "Breaching" if rule.missing == "breaching" else "NonBreaching"
        return (
            "Threshold Crossed: no datapoints were received for "
            f"{_several(rule.periods, 'period', 'periods')} and {missing} treated as [{treated}]."
        )
    fitting = [p for p in real if breaches(rule, p[1]) == (after != OK)]
    told = ", ".join(f"{value} ({_when(at)})" for at, value in fitting[::-1])
    negation = " not" if after == OK else ""
    verb = f"was{negation}" if len(fitting) == 1 else f"were{negation}"
    needed = rule.needed if after != OK else rule.periods - rule.needed + 1
    return (
        f"Threshold Crossed: {len(fitting)} out of the last {rule.periods} datapoints [{told}] "
        f"{verb} {OPERATORS[rule.operator]} the threshold ({rule.threshold}) (minimum "
        f"{_several(needed, 'datapoint', 'datapoints')} for {before} -> {after} transition)."
    )


def _several(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _when(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%d/%m/%y %H:%M:%S}"
