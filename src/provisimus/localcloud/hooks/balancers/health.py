"""DescribeTargetHealth: who is registered, unused, draining; the rest is what HAProxy sees.

Source: Elastic Load Balancing API reference, DescribeTargetHealth, TargetHealth.
"""

from __future__ import annotations

import time
from typing import Any

from moto.elbv2.exceptions import TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus

from provisimus.localcloud.balancers.health import DRAINING, Health
from provisimus.localcloud.hooks.balancers import targets
from provisimus.localcloud.hooks.balancers.keeper import Keeper
from provisimus.localcloud.hooks.balancers.wanted import unused
from provisimus.localcloud.hooks.cloud import replace

_UNREGISTERED = Health(
    "unused", "Target.NotRegistered", "Target is not registered to the target group"
)


def install(keeper: Keeper) -> None:
    """Replace moto's method, to which everything is healthy."""

    def describe(backend: Any, target_group_arn: str, wanted: list[dict[str, Any]]) -> list[Any]:
        group = backend.target_groups.get(target_group_arn)
        if group is None:
            raise TargetGroupNotFoundError
        now = time.time()
        leaving = [each for each, until in targets.draining(group).items() if until > now]
        known = [*group.targets, *(each for each in leaving if each not in group.targets)]
        told = []
        for identifier in [each["Id"] for each in wanted or ()] or known:
            target = group.targets.get(identifier)
            if target is None:
                state = DRAINING if identifier in leaving else _UNREGISTERED
                target = group.deregistered_targets.get(
                    identifier, {"Id": identifier, "Port": group.port}
                )
            else:
                state = unused(backend, group, target) or keeper.health(
                    group.load_balancer_arns[0], group, identifier
                )
            told.append(_status(group, target, state))
        return told

    replace(ELBv2Backend, "describe_target_health", describe)


def _status(group: Any, target: dict[str, Any], state: Health) -> FakeHealthStatus:
    port = group.health_check_port
    checked = target["Port"] if port in (None, "traffic-port") else port
    return FakeHealthStatus(
        target["Id"], target["Port"], str(checked), state.state, state.reason, state.words
    )
