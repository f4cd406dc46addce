"""Metrics of running instances, measured at their machines: status checks and processor time.

Source: EC2 user guide, "CloudWatch metrics that are available for your instances".
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from moto.core.utils import utcnow

from provisimus.localcloud.alarms.readings import seconds
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.scaling.keeper import group_of

_TICKS = os.sysconf("SC_CLK_TCK")
KEPT = 3 * 3600.0
"""Seconds for which these datapoints are kept, as AWS keeps those of a resolution of seconds."""


class Measuring:
    """Remembers how much processor time each machine had used when it was last looked at."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._used: dict[str, tuple[float, float]] = {}

    def take(self, backend: Any) -> None:
        """Put what is measured now into moto's CloudWatch, and drop what is old."""
        now = utcnow()
        for instance in self._cloud.instances():
            if instance._state.name != "running":
                self._used.pop(instance.id, None)
                continue
            system = 0.0 if self._cloud.machines.is_running(instance.id) else 1.0
            own = 0.0 if not system and self._cloud.machines.has_spoken(instance.id) else 1.0
            checks = {
                "StatusCheckFailed": max(system, own),
                "StatusCheckFailed_Instance": own,
                "StatusCheckFailed_System": system,
            }
            dimensions = [{"Name": "InstanceId", "Value": instance.id}]
            data = [_datum(name, value, "Count", dimensions, now) for name, value in checks.items()]
            percent = self._processor(instance.id)
            if percent is not None:
                data.append(_datum("CPUUtilization", percent, "Percent", dimensions, now))
                group = group_of(instance)
                if group:
                    named = [{"Name": "AutoScalingGroupName", "Value": group}]
                    data.append(_datum("CPUUtilization", percent, "Percent", named, now))
            backend.put_metric_data("AWS/EC2", data)
        _prune(backend, seconds(now))

    def _processor(self, identifier: str) -> float | None:
        """Percent of the computer's processors since it was last looked at; None the first time."""
        pid = self._cloud.machines.pid(identifier)
        used = processor_seconds(pid) if pid else None
        if used is None:
            self._used.pop(identifier, None)
            return None
        at = time.monotonic()
        before = self._used.get(identifier)
        self._used[identifier] = (at, used)
        if before is None or at <= before[0] or used < before[1]:
            return None
        share = (used - before[1]) / (at - before[0]) / (os.cpu_count() or 1)
        return round(100 * min(1.0, share), 3)


def processor_seconds(pid: int) -> float | None:
    """Processor time of a process and of those below it; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return None
    own = (int(fields[11]) + int(fields[12])) / _TICKS
    return own + sum(processor_seconds(int(each)) or 0.0 for each in below)


def _datum(
    name: str, value: float, unit: str, dimensions: list[dict[str, str]], now: datetime
) -> Mapping[str, Any]:
    return {
        "MetricName": name, "Value": value, "Unit": unit, "Dimensions": dimensions,
        "Timestamp": now,
    }  # fmt: skip


def _prune(backend: Any, now: float) -> None:
    backend.metric_data = [
        each
        for each in backend.metric_data
        if each.namespace != "AWS/EC2" or now - seconds(each.timestamp) < KEPT
    ]
