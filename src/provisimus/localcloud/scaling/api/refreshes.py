"""Instance refreshes: start, tell of, cancel, roll back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.scaling import describe, refresh, settings
from provisimus.localcloud.scaling.api.base import (
    ActionResult,
    Base,
    ScalingError,
    invalid,
    unsupported,
)
from provisimus.localcloud.scaling.group import Group, Refresh

PREFERENCES = frozenset(
    {
        "AlarmSpecification", "AutoRollback", "BakeTime", "CheckpointDelay",
        "CheckpointPercentages", "InstanceWarmup", "MaxHealthyPercentage", "MinHealthyPercentage",
        "ScaleInProtectedInstances", "SkipMatching", "StandbyInstances",
    }
)  # fmt: skip


class Refreshes(Base):
    def start_instance_refresh(self) -> ActionResult:
        given = self.given(
            "AutoScalingGroupName", "DesiredConfiguration", "Preferences", "Strategy"
        )
        if given.get("Strategy", "Rolling") != "Rolling":
            raise unsupported(f"Strategy {given['Strategy']} of an instance refresh")
        preferences = dict(given.get("Preferences") or {})
        check(preferences)
        desired = given.get("DesiredConfiguration")
        if desired:
            if set(desired) != {"LaunchTemplate"}:
                raise unsupported("A DesiredConfiguration of anything but LaunchTemplate")
            settings.check_template_setting(desired)
            self.version(desired["LaunchTemplate"])
        self._check_rollback(preferences, desired)
        made = Refresh(str(uuid.uuid4()), time.time(), preferences=preferences, desired=desired)

        def begun(now: Group) -> Group:
            if now.refresh:
                raise ScalingError(
                    "InstanceRefreshInProgress",
                    "An Instance Refresh is already in progress and blocks the execution of this "
                    "Instance Refresh.",
                )
            return now.note(made)

        self.change(begun)
        return ActionResult({"InstanceRefreshId": made.id})

    def describe_instance_refreshes(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "InstanceRefreshIds", "MaxRecords", "NextToken")
        group, ids = self.meant(), given.get("InstanceRefreshIds")
        found = [describe.refresh(group, e) for e in group.refreshes if not ids or e.id in ids]
        return self.page("InstanceRefreshes", found)

    def cancel_instance_refresh(self) -> ActionResult:
        self.given("AutoScalingGroupName", "WaitForTransitioningInstances")
        running = self._running()
        self.change(lambda now: now.note(replace(running, status="Cancelling")))
        return ActionResult({"InstanceRefreshId": running.id})

    def rollback_instance_refresh(self) -> ActionResult:
        self.given("AutoScalingGroupName")
        running = self._running()
        self._check_rollback({"AutoRollback": True}, running.desired)
        back = refresh.rolled_back(running, "Rollback requested by user.", time.time())
        self.change(lambda now: now.note(back))
        return ActionResult({"InstanceRefreshId": running.id})

    def _running(self) -> Refresh:
        found = self.meant().refresh
        if found is None or found.status in ("Cancelling", "RollbackInProgress"):
            raise ScalingError(
                "ActiveInstanceRefreshNotFound",
                f"No in progress or pending Instance Refresh found for Auto Scaling group "
                f"{self.meant().name}",
            )
        return found

    def _check_rollback(self, preferences: Mapping[str, Any], desired: Any) -> None:
        """There must be something to go back to: the group's own, numbered version."""
        if preferences.get("AutoRollback") not in (True, "true"):
            return
        own = str(self.meant().settings["LaunchTemplate"].get("Version") or "$Default")
        if not desired or not own.isdecimal():
            raise ScalingError(
                "IrreversibleInstanceRefresh",
                "A rollback needs a desired configuration, and a launch template of the group with "
                "a version that is neither $Latest nor $Default.",
            )


def check(preferences: dict[str, Any]) -> None:
    """Bounds of the preferences, and flags as they are meant. Raises ScalingError."""
    for name in preferences:
        if name not in PREFERENCES:
            raise unsupported(f"Preference {name} of an instance refresh")
    for name in ("AutoRollback", "SkipMatching"):
        if name in preferences:
            preferences[name] = preferences[name] in (True, "true")
    lowest = int(preferences.get("MinHealthyPercentage", 90))
    highest = preferences.get("MaxHealthyPercentage")
    if not 0 <= lowest <= 100 or (highest is not None and not 100 <= int(highest) <= 200):
        raise invalid("MinHealthyPercentage is 0 to 100, MaxHealthyPercentage is 100 to 200")
    if highest is not None and int(highest) - lowest > 100:
        raise invalid("The difference between the healthy percentages cannot be greater than 100")
    points = [int(each) for each in preferences.get("CheckpointPercentages") or ()]
    if points != sorted(set(points)) or any(not 1 <= each <= 100 for each in points):
        raise invalid("CheckpointPercentages must be unique, in ascending order, from 1 to 100")
    if not 0 <= int(preferences.get("BakeTime") or 0) <= 172800:
        raise invalid("BakeTime is 0 to 172800 seconds")
    for name, known in (
        ("ScaleInProtectedInstances", ("Refresh", "Ignore", "Wait")),
        ("StandbyInstances", ("Terminate", "Ignore", "Wait")),
    ):
        if preferences.get(name, known[0]) not in known:
            raise invalid(f"{name} is one of {', '.join(known)}")
    if preferences.get("StandbyInstances") == "Terminate":
        raise unsupported("Preference StandbyInstances: Terminate of an instance refresh")
