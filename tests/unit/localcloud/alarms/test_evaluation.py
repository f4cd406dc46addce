"""States by datapoints.

The tables are those of the CloudWatch user guide, "Configuring how CloudWatch alarms treat missing
data": 0 does not breach, X does, - is missing, the newest is on the right.
"""

from __future__ import annotations

import pytest

from provisimus.localcloud.alarms.evaluation import Rule, evaluate, statistic
from provisimus.localcloud.alarms.reasons import why

KEPT = "the state that it was in"


def state(points, needed, missing):
    values = {"0": 0.0, "X": 9.0, "-": None}
    rule = Rule("GreaterThanThreshold", 5, 3, needed, missing)
    return evaluate(rule, [values[each] for each in points.split()], KEPT)


@pytest.mark.parametrize(
    ("points", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "OK", "OK", "OK", "OK"),
        ("0 - - - -", "OK", "OK", "OK", "OK"),
        ("- - - - -", "INSUFFICIENT_DATA", KEPT, "ALARM", "OK"),
        ("0 X X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("- - X - -", "ALARM", KEPT, "ALARM", "OK"),
    ],
)
def test_three_of_three(points, missing, ignore, breaching, not_breaching):
    assert state(points, 3, "missing") == missing
    assert state(points, 3, "ignore") == ignore
    assert state(points, 3, "breaching") == breaching
    assert state(points, 3, "notBreaching") == not_breaching


@pytest.mark.parametrize(
    ("points", "missing", "ignore", "breaching", "not_breaching"),
    [
        ("0 - X - X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0 0 X 0 X", "ALARM", "ALARM", "ALARM", "ALARM"),
        ("0 - X - -", "OK", "OK", "ALARM", "OK"),
        ("- - - - 0", "OK", "OK", "ALARM", "OK"),
        ("- - - X -", "ALARM", KEPT, "ALARM", "OK"),
    ],
)
def test_two_of_three(points, missing, ignore, breaching, not_breaching):
    assert state(points, 2, "missing") == missing
    assert state(points, 2, "ignore") == ignore
    assert state(points, 2, "breaching") == breaching
    assert state(points, 2, "notBreaching") == not_breaching


def test_what_could_still_turn_out_well_does_not_ring():
    assert state("- - - - X", 3, "missing") == KEPT


@pytest.mark.parametrize(
    ("operator", "rings"),
    [
        ("GreaterThanThreshold", [False, False, True]),
        ("GreaterThanOrEqualToThreshold", [False, True, True]),
        ("LessThanThreshold", [True, False, False]),
        ("LessThanOrEqualToThreshold", [True, True, False]),
    ],
)
def test_operators(operator, rings):
    rule = Rule(operator, 5, 1, 1)
    assert [evaluate(rule, [v], "OK") == "ALARM" for v in (4.0, 5.0, 6.0)] == rings


def test_statistics():
    values = [4.0, 1.0, 3.0, 2.0]
    found = {name: statistic(name, values) for name in ("Average", "Sum", "Minimum", "Maximum")}
    assert found == {"Average": 2.5, "Sum": 10.0, "Minimum": 1.0, "Maximum": 4.0}
    assert statistic("SampleCount", values) == 4
    assert (statistic("p50", values), statistic("p100", values)) == (2.5, 4.0)


def test_reasons_are_worded_as_on_aws():
    rule = Rule("GreaterThanThreshold", 5.0, 1, 1)
    at = 1764194400.0
    assert why(rule, [(at, 9.0)], "OK", "ALARM") == (
        "Threshold Crossed: 1 out of the last 1 datapoints [9.0 (26/11/25 22:00:00)] was greater "
        "than the threshold (5.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    assert why(rule, [(at, 1.0)], "ALARM", "OK") == (
        "Threshold Crossed: 1 out of the last 1 datapoints [1.0 (26/11/25 22:00:00)] was not "
        "greater than the threshold (5.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )
    assert why(rule, [(at, None)], "OK", "INSUFFICIENT_DATA") == (
        "Insufficient Data: 1 datapoint was unknown."
    )
