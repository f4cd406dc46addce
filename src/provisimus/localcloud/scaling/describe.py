"""Groups, instances and what happened to them, as the API tells it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from provisimus.localcloud.scaling.group import Activity, Group, Hook, Member, Policy, Refresh

_ECHOED = (
    "DefaultCooldown", "DefaultInstanceWarmup", "DesiredCapacity", "HealthCheckGracePeriod",
    "HealthCheckType", "LaunchTemplate", "MaxSize", "MinSize", "NewInstancesProtectedFromScaleIn",
    "TargetGroupARNs", "TerminationPolicies", "VPCZoneIdentifier",
)  # fmt: skip


def group(found: Group) -> dict[str, Any]:
    return {
        **{key: found.settings[key] for key in _ECHOED if key in found.settings},
        "AutoScalingGroupName": found.name,
        "AutoScalingGroupARN": found.arn,
        "AvailabilityZones": list(found.zones),
        "LoadBalancerNames": [],
        "CreatedTime": when(found.created),
        "Instances": [instance(each) for each in found.members],
        "SuspendedProcesses": [
            {"ProcessName": name, "SuspensionReason": "User suspended"}
            for name in sorted(found.suspended)
        ],
        "EnabledMetrics": [],
        "Tags": tags(found),
        "TrafficSources": [{"Identifier": arn, "Type": "elbv2"} for arn in found.target_groups],
        **({"Status": "Delete in progress"} if found.deleting else {}),
    }


def instance(member: Member) -> dict[str, Any]:
    return {
        "InstanceId": member.id,
        "InstanceType": member.type,
        "AvailabilityZone": member.zone,
        "LifecycleState": member.state,
        "HealthStatus": member.health,
        "LaunchTemplate": {
            "LaunchTemplateId": member.version.template,
            "LaunchTemplateName": member.version.name,
            "Version": member.version.number,
        },
        "ProtectedFromScaleIn": member.protected,
    }


def instance_of(found: Group, member: Member) -> dict[str, Any]:
    """As DescribeAutoScalingInstances tells it, where health is in capitals."""
    told = instance(member) | {"AutoScalingGroupName": found.name}
    return told | {"HealthStatus": member.health.upper()}


def tags(found: Group) -> list[dict[str, Any]]:
    return [
        {
            "ResourceId": found.name,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": tag.value,
            "PropagateAtLaunch": tag.propagate,
        }
        for key, tag in found.tags.items()
    ]


def activity(found: Group, told: Activity) -> dict[str, Any]:
    where = {"Subnet ID": told.subnet, "Availability Zone": told.zone}
    details = ",".join(f'"{key}":"{value}"' for key, value in where.items() if value)
    return {
        "ActivityId": told.id,
        "AutoScalingGroupName": found.name,
        "AutoScalingGroupARN": found.arn,
        "Description": told.description,
        "Cause": told.cause[:1023],
        "StartTime": when(told.started),
        **({"EndTime": when(told.ended)} if told.ended else {}),
        "StatusCode": told.status,
        **({"StatusMessage": told.message[:255]} if told.message else {}),
        "Progress": told.progress,
        "Details": f"{{{details}}}",
    }


def hook(found: Group, told: Hook) -> dict[str, Any]:
    return {
        "LifecycleHookName": told.name,
        "AutoScalingGroupName": found.name,
        "LifecycleTransition": told.transition,
        "HeartbeatTimeout": told.timeout,
        "GlobalTimeout": min(172800, 100 * told.timeout),
        "DefaultResult": told.default,
        **({"NotificationTargetARN": told.target} if told.target else {}),
        **({"RoleARN": told.role} if told.role else {}),
        **({"NotificationMetadata": told.metadata} if told.metadata else {}),
    }


def policy(found: Group, told: Policy) -> dict[str, Any]:
    return {
        **told.settings,
        "PolicyName": told.name,
        "PolicyARN": told.arn,
        "AutoScalingGroupName": found.name,
        "Alarms": [{"AlarmName": name} for name in told.alarms],
        "Enabled": told.settings.get("Enabled", True),
    }


def refresh(found: Group, told: Refresh) -> dict[str, Any]:
    back = dict(told.rollback or {})
    if back:
        back["RollbackStartTime"] = when(back["RollbackStartTime"])
    return {
        "InstanceRefreshId": told.id,
        "AutoScalingGroupName": found.name,
        "Status": told.status,
        **({"StatusReason": told.reason} if told.reason else {}),
        "StartTime": when(told.started),
        **({"EndTime": when(told.ended)} if told.ended else {}),
        "PercentageComplete": told.percentage,
        "InstancesToUpdate": max(0, told.left),
        "Strategy": "Rolling",
        "Preferences": dict(told.preferences),
        **({"DesiredConfiguration": dict(told.desired)} if told.desired else {}),
        **({"RollbackDetails": back} if back else {}),
    }


def when(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
