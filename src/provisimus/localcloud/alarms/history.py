"""What happened to an alarm, kept with it and told by DescribeAlarmHistory."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

MOST = 200


def note(alarm: Any, kind: str, summary: str, data: Any) -> None:
    """``kind`` is ConfigurationUpdate, StateUpdate or Action."""
    from moto.core.utils import utcnow

    item = {
        "AlarmName": alarm.name,
        "AlarmType": "MetricAlarm",
        "Timestamp": utcnow(),
        "HistoryItemType": kind,
        "HistorySummary": summary,
        "HistoryData": json.dumps(data),
    }
    alarm.history = [item, *alarm.history][:MOST]


def told(
    alarms: list[Any],
    kind: str | None,
    begin: datetime | None,
    end: datetime | None,
    *,
    oldest_first: bool = False,
) -> list[dict[str, Any]]:
    """The items of these alarms, the newest first unless asked otherwise."""
    found = [
        item
        for alarm in alarms
        for item in alarm.history
        if (not kind or item["HistoryItemType"] == kind)
        and (begin is None or item["Timestamp"] >= begin)
        and (end is None or item["Timestamp"] <= end)
    ]
    return sorted(found, key=lambda item: item["Timestamp"], reverse=not oldest_first)
