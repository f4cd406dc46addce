"""What AWS lets nobody ask of an alarm."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.localcloud.alarms.constraints import broken

SOUND = {
    "statistic": "Sum", "comparison_operator": "GreaterThanThreshold", "period": 60,
    "evaluation_periods": 3, "datapoints_to_alarm": 2, "treat_missing_data": None,
}  # fmt: skip


@pytest.mark.parametrize("period", [10, 20, 30, 60, 3600, None])
def test_what_may_be_asked(period: int | None) -> None:
    assert broken({**SOUND, "period": period}) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"statistic": "Median"}, "Value 'Median' at 'statistic'"),
        ({"comparison_operator": "Equals"}, "Value 'Equals' at 'comparisonOperator'"),
        ({"treat_missing_data": "panic"}, "Value 'panic' at 'treatMissingData'"),
        ({"period": 7}, "Value '7' at 'period'"),
        ({"period": 0}, "Value '0' at 'period'"),
        ({"period": 90}, "Value '90' at 'period'"),
        ({"datapoints_to_alarm": 4}, "DatapointsToAlarm must be less than or equal"),
    ],
)
def test_what_may_not(given: dict[str, Any], said: str) -> None:
    assert said in str(broken({**SOUND, **given}))
