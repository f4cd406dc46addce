"""What an Auto Scaling group did of late: launches and terminations, and why they failed.

Source: API reference of EC2 Auto Scaling, DescribeScalingActivities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment

GROUP = "AWS::AutoScaling::AutoScalingGroup"
MOST = 20
"""Activities that are looked at, the newest."""


@dataclass(frozen=True)
class Activity:
    """One launch or termination. `time` in seconds since the epoch, `instance` None where none came
    of it."""

    time: float
    status: str
    text: str
    cause: str
    instance: str | None = None

    @property
    def failed(self) -> bool:
        return self.status in ("Failed", "Cancelled")

    @property
    def is_sick(self) -> bool:
        """Whether an instance went because it was not healthy."""
        return "health check" in self.cause or "unhealthy" in self.cause

    @property
    def line(self) -> str:
        return f"{self.status}: {self.text}"


def activities_of(environment: Environment, group: str) -> list[Activity]:
    """The newest first."""
    with speaking(environment.cloud, f"read the activities of {group}"):
        found = environment.cloud.autoscaling.describe_scaling_activities(
            AutoScalingGroupName=group, MaxRecords=MOST
        )
    return [activity(each) for each in found["Activities"]]


def activity(found: Any) -> Activity:
    text = str(found.get("Description", ""))
    message = found.get("StatusMessage")
    named = re.search(r"\bi-[0-9a-f]+", text)
    return Activity(
        found["StartTime"].timestamp(),
        found["StatusCode"],
        f"{text} ({message})" if message and message not in text else text,
        found.get("Cause", ""),
        named[0] if named else None,
    )


def suspects(
    activities: Iterable[Activity], members: Iterable[str], targets: dict[str, str], most: int = 3
) -> list[str]:
    """The instances whose consoles tell most, at most so many: those that a load balancer finds
    unhealthy, those that went because they were, then the youngest. Pure."""
    newest = list(activities)
    here = list(members)
    wanting = [each for each in here if not targets.get(each, "healthy").startswith("healthy")]
    gone = [each.instance for each in newest if each.is_sick and each.instance]
    young = [each.instance for each in newest if "Launching" in each.text and each.instance]
    return list(dict.fromkeys([*wanting, *gone, *young, *here]))[:most]


def members_of(environment: Environment, group: str) -> list[str]:
    with speaking(environment.cloud, f"look at the group {group}"):
        found = environment.cloud.autoscaling.describe_auto_scaling_groups(
            AutoScalingGroupNames=[group]
        )["AutoScalingGroups"]
    return [each["InstanceId"] for one in found for each in one.get("Instances", ())]
