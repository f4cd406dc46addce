"""How many targets are healthy, told to CloudWatch each minute and whenever it changes.

Source: "CloudWatch metrics for your Application Load Balancer" in the user guide. Other metrics
are not told here.
"""

from __future__ import annotations

import time
from typing import Any

from provisimus.localcloud.hooks.balancers.records import full_name
from provisimus.localcloud.hooks.cloud import Cloud

NAMESPACE = "AWS/ApplicationELB"
_EVERY = 60.0


class Counts:
    """What was told last of one balancer's groups, and when."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[tuple[int, int], float]] = {}

    def tell(self, cloud: Cloud, backend: Any, balancer: Any) -> None:
        for group in list(backend.target_groups.values()):
            if balancer.arn not in group.load_balancer_arns:
                self._told.pop(group.arn, None)
                continue
            states = [each.status for each in backend.describe_target_health(group.arn, [])]
            counts = states.count("healthy"), states.count("unhealthy")
            before, when = self._told.get(group.arn, (None, 0.0))
            if counts == before and time.monotonic() - when < _EVERY:
                continue
            self._told[group.arn] = counts, time.monotonic()
            put(cloud, backend.region_name, balancer, group, counts)


def put(cloud: Cloud, region: str, balancer: Any, group: Any, counts: tuple[int, int]) -> None:
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.core.utils import utcnow

    dimensions = [
        {"Name": "LoadBalancer", "Value": full_name(balancer)},
        {"Name": "TargetGroup", "Value": group.arn.rpartition(":")[2]},
    ]
    names = ("HealthyHostCount", "UnHealthyHostCount")
    cloudwatch_backends[cloud.account][region].put_metric_data(
        NAMESPACE,
        [
            {
                "MetricName": name,
                "Dimensions": dimensions,
                "Value": count,
                "Unit": "Count",
                "Timestamp": utcnow(),
            }
            for name, count in zip(names, counts, strict=True)
        ],
    )
    cloud.changed()
