"""What a balancer tells CloudWatch of its target groups: healthy hosts, and requests.

Hosts are told each minute and whenever they change, requests each minute. Source: "CloudWatch
metrics for your Application Load Balancer" in the user guide. Other metrics are not told here.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.localcloud.balancers.health import Server
from provisimus.localcloud.hooks.balancers.records import full_name
from provisimus.localcloud.hooks.balancers.wanted import group_name
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.pace import minute_from_environment

NAMESPACE = "AWS/ApplicationELB"


class Requests:
    """Counts what comes between two looks; HAProxy counts anew whenever it is loaded."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], int] = {}
        self._sums: dict[str, int] = {}

    def look(self, servers: Iterable[Server]) -> None:
        for each in servers:
            place = each.group, each.name
            before = self._seen.get(place, 0)
            since = each.requests - before if each.requests >= before else each.requests
            self._sums[each.group] = self._sums.get(each.group, 0) + since
            self._seen[place] = each.requests

    def take(self, group: str) -> int:
        """How many came to a group since it was last asked."""
        return self._sums.pop(group, 0)


class Counts:
    """What was told last of one balancer's groups, and when."""

    def __init__(self) -> None:
        self.requests = Requests()
        self._told: dict[str, tuple[tuple[int, int], float]] = {}
        self._summed: dict[str, float] = {}
        self._every = minute_from_environment()

    def tell(self, cloud: Cloud, backend: Any, balancer: Any) -> None:
        now = time.monotonic()
        for group in list(backend.target_groups.values()):
            if balancer.arn not in group.load_balancer_arns:
                self._told.pop(group.arn, None)
                continue
            states = [each.status for each in backend.describe_target_health(group.arn, [])]
            counts = states.count("healthy"), states.count("unhealthy")
            before, when = self._told.get(group.arn, (None, 0.0))
            if counts != before or now - when >= self._every:
                self._told[group.arn] = counts, now
                hosts = dict(zip(("HealthyHostCount", "UnHealthyHostCount"), counts, strict=True))
                put(cloud, backend.region_name, balancer, group, hosts)
            since = self._summed.setdefault(group.arn, now)
            if now - since >= self._every:
                self._summed[group.arn] = now
                came = self.requests.take(group_name(group.arn))
                each = came / max(1, counts[0])
                sums = {"RequestCount": came, "RequestCountPerTarget": each}
                put(cloud, backend.region_name, balancer, group, sums)


def put(cloud: Cloud, region: str, balancer: Any, group: Any, values: Mapping[str, float]) -> None:
    """Requests per target are told of the group alone, by which groups scale: moto, asked for that,
    would add up what is told of group and balancer together."""
    from moto.cloudwatch.models import cloudwatch_backends
    from moto.core.utils import utcnow

    of_group = {"Name": "TargetGroup", "Value": group.arn.rpartition(":")[2]}
    both = [{"Name": "LoadBalancer", "Value": full_name(balancer)}, of_group]
    data = [
        {
            "MetricName": name,
            "Dimensions": [of_group] if name == "RequestCountPerTarget" else both,
            "Value": value,
            "Unit": "Count",
            "Timestamp": utcnow(),
        }
        for name, value in values.items()
    ]
    cloudwatch_backends[cloud.account][region].put_metric_data(NAMESPACE, data)
    cloud.changed()
