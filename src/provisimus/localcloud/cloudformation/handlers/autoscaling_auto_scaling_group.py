"""AWS::AutoScaling::AutoScalingGroup: complete when as many instances as desired are in service.

A launch template of another version replaces no instance unless an UpdatePolicy says how.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, ClassVar

from botocore.exceptions import ClientError

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers import (
    _groups,
    _instance_refresh,
    _rolling_update,
)
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Progress,
    Shape,
    Wanted,
    changed,
)

_HOOK = ("DefaultResult", "HeartbeatTimeout", "LifecycleHookName", "LifecycleTransition",
         "NotificationMetadata", "NotificationTargetARN", "RoleARN")  # fmt: skip
_NUMBERS = ("DefaultInstanceWarmup", "DesiredCapacity", "HealthCheckGracePeriod", "MaxSize",
            "MinSize")  # fmt: skip
_PLAIN = ("HealthCheckType", "LaunchTemplate", "NewInstancesProtectedFromScaleIn",
          "TerminationPolicies")  # fmt: skip
_SIZES = ("DesiredCapacity", "MaxSize", "MinSize")
_TRIGGERS = ("LaunchTemplate", "VPCZoneIdentifier", "AvailabilityZones")


class AutoScalingGroup(Handler):
    type = "AWS::AutoScaling::AutoScalingGroup"
    honoured = frozenset(
        {
            "AutoScalingGroupName",
            "AvailabilityZones/*",
            "Cooldown",
            "LaunchTemplate/LaunchTemplateId",
            "LaunchTemplate/LaunchTemplateName",
            "LaunchTemplate/Version",
            "Tags/*/Key",
            "Tags/*/PropagateAtLaunch",
            "Tags/*/Value",
            "TargetGroupARNs/*",
            "TerminationPolicies/*",
            "VPCZoneIdentifier/*",
            "HealthCheckType",
            "NewInstancesProtectedFromScaleIn",
            *_NUMBERS,
            *(f"LifecycleHookSpecificationList/*/{name}" for name in _HOOK),
        }
    )
    attributes = frozenset({"AutoScalingGroupARN"})
    name_property = "AutoScalingGroupName"
    seconds = _groups.SECONDS
    signals = True
    update_policies: ClassVar[frozenset[str]] = frozenset(
        {
            "AutoScalingReplacingUpdate/WillReplace",
            "AutoScalingScheduledAction/IgnoreUnmodifiedGroupSizeProperties",
            *(f"AutoScalingRollingUpdate/{name}" for name in _rolling_update.NAMES),
            *(f"AutoScalingInstanceRefresh/{name}" for name in _instance_refresh.NAMES),
        }
    )

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("AutoScalingGroupName")
        cloud.autoscaling.create_auto_scaling_group(
            AutoScalingGroupName=name,
            **_arguments(wanted.properties),
            Tags=_tags(name, wanted),
            **{
                key: wanted.properties[key]
                for key in ("LifecycleHookSpecificationList", "TargetGroupARNs")
                if wanted.properties.get(key)
            },
        )
        return name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        told = cloud.autoscaling.describe_auto_scaling_groups(
            Filters=[
                {"Name": f"tag:{key}", "Values": [wanted.tags.get(key, "")]}
                for key in ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
            ]
        )
        return [str(each["AutoScalingGroupName"]) for each in told["AutoScalingGroups"]]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        group = _groups.find(cloud, physical_id)
        if group is None:
            raise ResourceFailed(f"AutoScalingGroup {physical_id} is gone")
        return _groups.whole(group)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        found = _groups.find(cloud, physical_id) or {}
        return {"AutoScalingGroupARN": found.get("AutoScalingGroupARN", "")}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _groups.find(cloud, physical_id)
        if found is None:
            return None
        named = properties.get("LaunchTemplate", {})
        told = cloud.autoscaling.describe_lifecycle_hooks(AutoScalingGroupName=physical_id)
        inline = [
            e["LifecycleHookName"] for e in properties.get("LifecycleHookSpecificationList", [])
        ]
        return {
            **{key: found[key] for key in ("HealthCheckType", "TerminationPolicies",
               "NewInstancesProtectedFromScaleIn", "AvailabilityZones", "TargetGroupARNs",
               "HealthCheckGracePeriod")},
            "AutoScalingGroupName": physical_id,
            "Cooldown": str(found["DefaultCooldown"]),
            "DefaultInstanceWarmup": found.get("DefaultInstanceWarmup"),
            "LaunchTemplate": {k: v for k, v in found["LaunchTemplate"].items() if k in named},
            "LifecycleHookSpecificationList": [
                {key: each[key] for key in _HOOK if key in each}
                for each in told["LifecycleHooks"] if each["LifecycleHookName"] in inline
            ],
            "Tags": [
                {key: each[key] for key in ("Key", "Value", "PropagateAtLaunch")}
                for each in found["Tags"]
            ],
            "VPCZoneIdentifier": str(found.get("VPCZoneIdentifier", "")).split(","),
            **{key: str(found[key]) for key in _SIZES},
        }  # fmt: skip

    def policy_complaint(self, policy: Mapping[str, Any]) -> str | None:
        both = ("AutoScalingRollingUpdate", "AutoScalingInstanceRefresh")
        return f"{' and '.join(both)} exclude each other" if {*both} <= policy.keys() else None

    def replaced_by(self, policy: Mapping[str, Any], changed: Collection[str]) -> bool:
        will = (policy.get("AutoScalingReplacingUpdate") or {}).get("WillReplace", False)
        return str(will).lower() == "true" and any(name in changed for name in _TRIGGERS)

    def update_by(
        self,
        cloud: Cloud,
        physical_id: str,
        before: Shape,
        after: Wanted,
        policy: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        rolling, refreshing = (
            policy.get("AutoScalingRollingUpdate"), policy.get("AutoScalingInstanceRefresh"),
        )  # fmt: skip
        if rolling is not None:
            read = _rolling_update.read(rolling)
            _rolling_update.check(read, int(after.properties["MaxSize"]))
        scheduled = (policy.get("AutoScalingScheduledAction") or {}).get(
            "IgnoreUnmodifiedGroupSizeProperties", False
        )
        ignored = str(scheduled).lower() == "true"
        _apply(cloud, physical_id, before, after, ignored=ignored, template=refreshing is None)
        if rolling is not None:
            _rolling_update.RollingUpdate(cloud, physical_id, read, progress).run()
        elif refreshing is not None:
            template = after.properties["LaunchTemplate"]
            if _is_due(cloud, physical_id, template):
                _instance_refresh.refresh(cloud, physical_id, template, refreshing, progress)
            _set_template(cloud, physical_id, template)
        self._await(cloud, physical_id)

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        raise NotImplementedError("it is updated by its policy, or by none")

    def _await(self, cloud: Cloud, name: str) -> None:
        cloud.until(lambda: self.settled(cloud, name, {}), f"{name} to settle", self.seconds)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if _groups.find(cloud, physical_id) is not None:
            cloud.autoscaling.delete_auto_scaling_group(
                AutoScalingGroupName=physical_id, ForceDelete=True
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return not _groups.exists(cloud, physical_id)


def _arguments(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What creating and changing a group have in common."""
    made = {key: properties[key] for key in _PLAIN if key in properties}
    made |= {key: int(properties[key]) for key in _NUMBERS if key in properties}
    if "Cooldown" in properties:
        made["DefaultCooldown"] = int(properties["Cooldown"])
    if properties.get("VPCZoneIdentifier"):
        made["VPCZoneIdentifier"] = ",".join(properties["VPCZoneIdentifier"])
    if properties.get("AvailabilityZones"):
        made["AvailabilityZones"] = properties["AvailabilityZones"]
    return made


_DEFAULTS = {
    "Cooldown": "300", "HealthCheckGracePeriod": 0, "HealthCheckType": "EC2",
    "NewInstancesProtectedFromScaleIn": False, "TerminationPolicies": ["Default"],
    "DefaultInstanceWarmup": -1,
}  # fmt: skip


def _apply(
    cloud: Cloud, name: str, before: Shape, after: Wanted, *, ignored: bool, template: bool
) -> None:
    """Everything but what instances are replaced for."""
    properties = {
        **{key: _DEFAULTS[key] for key in _DEFAULTS if key in before.properties},
        **after.properties,
    }
    if ignored:
        for key in _SIZES:
            if not changed(before.properties, after.properties, key):
                properties.pop(key, None)
    if not template:
        properties.pop("LaunchTemplate", None)
    cloud.autoscaling.update_auto_scaling_group(AutoScalingGroupName=name, **_arguments(properties))
    had, wants = (set(each.properties.get("TargetGroupARNs", ())) for each in (before, after))
    if had - wants:
        cloud.autoscaling.detach_load_balancer_target_groups(
            AutoScalingGroupName=name, TargetGroupARNs=sorted(had - wants)
        )
    if wants:
        cloud.autoscaling.attach_load_balancer_target_groups(
            AutoScalingGroupName=name, TargetGroupARNs=sorted(wants)
        )
    _put_hooks(cloud, name, before, after)
    gone = [key for key in before.tags if key not in after.tags]
    if gone:
        cloud.autoscaling.delete_tags(Tags=[{**_of(name), "Key": key, "Value": ""} for key in gone])
    if after.tags:
        cloud.autoscaling.create_or_update_tags(Tags=_tags(name, after))


def _put_hooks(cloud: Cloud, name: str, before: Shape, after: Shape) -> None:
    key = "LifecycleHookSpecificationList"
    had, wants = (
        {each["LifecycleHookName"]: each for each in shape.properties.get(key, ())}
        for shape in (before, after)
    )
    for hook in had.keys() - wants.keys():
        try:
            cloud.autoscaling.delete_lifecycle_hook(
                AutoScalingGroupName=name, LifecycleHookName=hook
            )
        except ClientError as error:
            if "No Lifecycle Hook found" not in str(error):
                raise
    for hook in wants.values():
        cloud.autoscaling.put_lifecycle_hook(AutoScalingGroupName=name, **hook)


def _set_template(cloud: Cloud, name: str, template: Mapping[str, Any]) -> None:
    cloud.autoscaling.update_auto_scaling_group(
        AutoScalingGroupName=name, LaunchTemplate=dict(template)
    )


def _is_due(cloud: Cloud, name: str, template: Mapping[str, Any]) -> bool:
    """Whether any instance is not what the launch template says, or would not be launched so."""
    group = _groups.find(cloud, name)
    if group is None:
        raise ResourceFailed(f"AutoScalingGroup {name} is gone")
    return bool(_groups.obsolete(cloud, {**group, "LaunchTemplate": template}))


def _of(name: str) -> dict[str, Any]:
    return {"ResourceId": name, "ResourceType": "auto-scaling-group", "PropagateAtLaunch": True}


def _tags(name: str, wanted: Shape) -> list[dict[str, Any]]:
    """Tags of the stack are propagated; its own as they say."""
    own = {
        each["Key"]: str(each.get("PropagateAtLaunch", True)).lower() == "true"
        for each in wanted.properties.get("Tags", ())
    }
    return [
        {**_of(name), "Key": key, "Value": value, "PropagateAtLaunch": own.get(key, True)}
        for key, value in wanted.tags.items()
    ]


HANDLER = AutoScalingGroup()
