"""UpdatePolicy AutoScalingInstanceRefresh: an instance refresh brings the new launch template.

The group has the launch template once the refresh has succeeded and its bake time is over; a
refresh that fails fails the resource, and the stack's rollback brings the instances back by
another refresh, which leaves alone those that still are what they were.

Source: "UpdatePolicy attribute", "AutoScalingInstanceRefresh policy" (July 2026).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from provisimus.localcloud.cloudformation.cloud import Cloud, code_of
from provisimus.localcloud.cloudformation.errors import OperationCancelled, ResourceFailed
from provisimus.localcloud.cloudformation.handlers.interface import Progress

NAMES = (
    "Strategy", "Preferences/AlarmSpecification/Alarms/*", "Preferences/BakeTime",
    "Preferences/CheckpointDelay", "Preferences/CheckpointPercentages/*",
    "Preferences/InstanceWarmup", "Preferences/MaxHealthyPercentage",
    "Preferences/MinHealthyPercentage", "Preferences/ScaleInProtectedInstances",
    "Preferences/SkipMatching", "Preferences/StandbyInstances",
)  # fmt: skip
_LONGEST = 7 * 24 * 3600.0
_OVER = ("Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful")


def refresh(
    cloud: Cloud,
    name: str,
    template: Mapping[str, Any],
    policy: Mapping[str, Any],
    progress: Progress,
) -> None:
    """Refresh the group's instances. Raises ResourceFailed when that fails."""
    preferences = _typed(policy.get("Preferences") or {})
    # An update that goes back, or goes on after a restart, leaves alone what is right already.
    preferences.setdefault("SkipMatching", True)
    wanted = {"LaunchTemplate": dict(template)}
    identifier = _running(cloud, name, wanted) or str(
        cloud.autoscaling.start_instance_refresh(
            AutoScalingGroupName=name,
            Strategy=str(policy.get("Strategy", "Rolling")),
            DesiredConfiguration=wanted,
            Preferences=preferences,
        )["InstanceRefreshId"]
    )
    progress.say(f"Instance refresh {identifier} started.")
    told = [0]

    def over() -> bool:
        found = _find(cloud, name, identifier)
        percent = int(found.get("PercentageComplete", 0))
        if percent > told[0]:
            told[0] = percent
            progress.say(f"Instance refresh {identifier} is in progress ({percent}% complete).")
        return found["Status"] in _OVER

    try:
        cloud.until(over, f"instance refresh {identifier}", _LONGEST)
    except OperationCancelled:
        _cancel(cloud, name)
        raise
    found = _find(cloud, name, identifier)
    if found["Status"] != "Successful":
        why = found.get("StatusReason", "")
        raise ResourceFailed(
            f"Instance refresh {identifier} ended with status {found['Status']}. {why}".strip()
        )


def settle(cloud: Cloud, name: str) -> None:
    """Wait until no refresh of an update that was cancelled runs any more."""

    def calm() -> bool:
        told = cloud.autoscaling.describe_instance_refreshes(AutoScalingGroupName=name)
        return all(each["Status"] in _OVER for each in told["InstanceRefreshes"])

    cloud.until(calm, f"instance refreshes of {name} to end", 3600)


def _running(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> str | None:
    told = cloud.autoscaling.describe_instance_refreshes(AutoScalingGroupName=name)
    for each in told["InstanceRefreshes"]:
        if each["Status"] not in _OVER and each.get("DesiredConfiguration") == wanted:
            return str(each["InstanceRefreshId"])
    settle(cloud, name)
    return None


def _find(cloud: Cloud, name: str, identifier: str) -> dict[str, Any]:
    told = cloud.autoscaling.describe_instance_refreshes(
        AutoScalingGroupName=name, InstanceRefreshIds=[identifier]
    )
    return dict(told["InstanceRefreshes"][0])


def _cancel(cloud: Cloud, name: str) -> None:
    try:
        cloud.autoscaling.cancel_instance_refresh(AutoScalingGroupName=name)
    except ClientError as error:
        if code_of(error) != "ActiveInstanceRefreshNotFound":
            raise


def _typed(preferences: Mapping[str, Any]) -> dict[str, Any]:
    """Templates may write numbers and flags as text."""
    made: dict[str, Any] = {}
    for key, value in preferences.items():
        if key == "SkipMatching":
            made[key] = str(value).lower() == "true"
        elif key == "CheckpointPercentages":
            made[key] = [int(each) for each in value]
        elif key == "AlarmSpecification" or not str(value).lstrip("-").isdecimal():
            made[key] = value
        else:
            made[key] = int(value)
    return made
