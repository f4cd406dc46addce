"""AWS::AutoScaling::LifecycleHook. Its name is its physical id, as on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers import _groups
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_SETTINGS = ("DefaultResult", "HeartbeatTimeout", "LifecycleTransition", "NotificationMetadata",
             "NotificationTargetARN", "RoleARN")  # fmt: skip


class LifecycleHook(Handler):
    type = "AWS::AutoScaling::LifecycleHook"
    honoured = frozenset({"AutoScalingGroupName", "LifecycleHookName", *_SETTINGS})
    attributes = frozenset[str]()
    name_property = "LifecycleHookName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("LifecycleHookName")
        if _find(cloud, name, wanted.properties):
            # PutLifecycleHook would change the one that is there.
            raise ResourceFailed(f"Lifecycle hook {name} already exists")
        _put(cloud, name, wanted)
        return name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        name = wanted.name("LifecycleHookName")
        return [name] if _find(cloud, name, wanted.properties) else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id, properties)
        return found and only(found, "AutoScalingGroupName", "LifecycleHookName", *_SETTINGS)

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _put(cloud, physical_id, after)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            cloud.autoscaling.delete_lifecycle_hook(
                AutoScalingGroupName=properties["AutoScalingGroupName"],
                LifecycleHookName=physical_id,
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id, properties) is None


def _put(cloud: Cloud, name: str, wanted: Shape) -> None:
    cloud.autoscaling.put_lifecycle_hook(
        AutoScalingGroupName=wanted.properties["AutoScalingGroupName"],
        LifecycleHookName=name,
        **only(wanted.properties, *_SETTINGS),
    )


def _find(cloud: Cloud, name: str, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    group = str(properties["AutoScalingGroupName"])
    if _groups.find(cloud, group) is None:
        return None
    told = cloud.autoscaling.describe_lifecycle_hooks(
        AutoScalingGroupName=group, LifecycleHookNames=[name]
    )["LifecycleHooks"]
    return dict(told[0]) if told else None


HANDLER = LifecycleHook()
