"""Lifecycle hooks, and the answers to them."""

from __future__ import annotations

import time
from dataclasses import replace

from provisimus.localcloud.scaling import describe, members, settings
from provisimus.localcloud.scaling.api.base import NOTHING, ActionResult, Base, invalid
from provisimus.localcloud.scaling.group import LAUNCHING, TERMINATING, Group


class Lifecycle(Base):
    def put_lifecycle_hook(self) -> ActionResult:
        given = self.given(
            "AutoScalingGroupName", "DefaultResult", "HeartbeatTimeout", "LifecycleHookName",
            "LifecycleTransition", "NotificationMetadata", "NotificationTargetARN", "RoleARN",
        )  # fmt: skip
        name = given["LifecycleHookName"]

        def changed(now: Group) -> Group:
            before = next((each for each in now.hooks if each.name == name), None)
            others = tuple(each for each in now.hooks if each.name != name)
            return replace(now, hooks=(*others, settings.hook(given, before)))

        self.change(changed)
        return NOTHING

    def delete_lifecycle_hook(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "LifecycleHookName")
        name = given["LifecycleHookName"]
        if name not in [each.name for each in self.meant().hooks]:
            raise invalid(f"No Lifecycle Hook found with name {name}")

        def changed(now: Group) -> Group:
            # Whoever waits for it waits no more: the action goes on, as documented.
            freed = [
                replace(m, waits=tuple(w for w in m.waits if w.hook != name)) for m in now.members
            ]
            kept = tuple(each for each in now.hooks if each.name != name)
            return replace(now.put(*freed), hooks=kept)

        self.change(changed)
        return NOTHING

    def describe_lifecycle_hooks(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "LifecycleHookNames")
        group, names = self.meant(), given.get("LifecycleHookNames")
        found = [describe.hook(group, e) for e in group.hooks if not names or e.name in names]
        return ActionResult({"LifecycleHooks": found})

    def describe_lifecycle_hook_types(self) -> ActionResult:
        return ActionResult({"LifecycleHookTypes": [LAUNCHING, TERMINATING]})

    def complete_lifecycle_action(self) -> ActionResult:
        given = self._answer("LifecycleActionResult")
        result = given["LifecycleActionResult"]
        if result not in ("CONTINUE", "ABANDON"):
            raise invalid("LifecycleActionResult must be CONTINUE or ABANDON")
        self._told(
            lambda now: members.complete(
                now, given.get("InstanceId", ""), given["LifecycleHookName"],
                given.get("LifecycleActionToken", ""), result,
            )
        )  # fmt: skip
        return NOTHING

    def record_lifecycle_action_heartbeat(self) -> ActionResult:
        given = self._answer()
        self._told(
            lambda now: members.heartbeat(
                now, given.get("InstanceId", ""), given["LifecycleHookName"],
                given.get("LifecycleActionToken", ""), time.time(),
            )
        )  # fmt: skip
        return NOTHING

    def _answer(self, *more: str) -> dict[str, str]:
        return self.given(
            "AutoScalingGroupName", "InstanceId", "LifecycleActionToken", "LifecycleHookName", *more
        )

    def _told(self, change: object) -> None:
        def changed(now: Group) -> Group:
            after: Group | None = change(now)  # type: ignore[operator]
            if after is None:
                raise invalid("No active Lifecycle Action found with the instance or token given")
            return after

        self.change(changed)
