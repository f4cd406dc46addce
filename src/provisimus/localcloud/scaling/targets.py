"""The seam to load balancers: target groups of ELBv2 in this process, and nothing else of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

log = logging.getLogger(__name__)


def health(account: str, region: str, arns: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """The states of every target, by instance id, as DescribeTargetHealth tells them."""
    from moto.elbv2.models import elbv2_backends

    found: dict[str, tuple[str, ...]] = {}
    for arn in arns:
        try:
            told = elbv2_backends[account][region].describe_target_health(arn, [])
        except Exception as error:  # noqa: BLE001 - it may be gone before its group is
            log.debug("%s: %s", arn, error)
            continue
        for each in told:
            found[each.instance_id] = (*found.get(each.instance_id, ()), each.status)
    return found


def register(client: Any, arn: str, instance: str) -> None:
    client.register_targets(TargetGroupArn=arn, Targets=[{"Id": instance}])


def deregister(client: Any, arn: str, instance: str) -> None:
    """An instance that is no target, of a group that is gone or of this one, needs no more."""
    unknown = client.exceptions
    try:
        client.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": instance}])
    except (unknown.TargetGroupNotFoundException, unknown.InvalidTargetException) as error:
        log.debug("%s: %s", arn, error)
