"""Do the instances behind a load balancer answer? Asked of the load balancer, which asks them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import Unhealthy
from provisimus.events import Said, Tell, step
from provisimus.model import Stack
from provisimus.stacks.follow import Pace

LEAVING = ("draining", "unused")
"""States of a target that does not count any more, or not yet for anybody."""

MARGIN = 120
"""Seconds more than an instance takes: until it is there, and the load balancer has asked twice."""


def wait_targets(environment: Environment, stack: Stack, within: int, tell: Tell) -> None:
    """Wait until all targets of the stack's group are healthy, `within` seconds and a margin at
    most. Raises Unhealthy, which says of each what the load balancer says."""
    group = stack.outputs["TargetGroupArn"]
    why = "the load balancer asks its targets"
    with step(tell, f"health of {stack.name}", why) as outcome:
        began, pace, told = time.monotonic(), Pace(environment), ""
        while True:
            with speaking(environment.cloud, f"ask for the targets of {stack.name}"):
                found = environment.cloud.elbv2.describe_target_health(TargetGroupArn=group)
            well, wanting = standing(found["TargetHealthDescriptions"])
            if well and not wanting:
                outcome.result = f"{well} healthy"
                return
            now = "; ".join(wanting) or "there is no target yet"
            if time.monotonic() - began >= within + MARGIN:
                raise Unhealthy(
                    f"the targets of {stack.name} did not become healthy within "
                    f"{within + MARGIN} s: {now}",
                    where=group,
                    hint="see their consoles: provisimus instance list",
                )
            if now != told:
                tell(Said(f"health of {stack.name}", now))
                told = now
            pace.pause()


def standing(targets: Iterable[Mapping[str, Any]]) -> tuple[int, list[str]]:
    """How many targets are healthy, and what is said of each that is not. Pure."""
    well, wanting = 0, []
    for each in targets:
        health = each["TargetHealth"]
        if health["State"] == "healthy":
            well += 1
        elif health["State"] not in LEAVING:
            why = health.get("Description") or health.get("Reason") or ""
            said = f"{each['Target']['Id']} is {health['State']}"
            wanting.append(f"{said}: {why}" if why else said)
    return well, sorted(wanting)
