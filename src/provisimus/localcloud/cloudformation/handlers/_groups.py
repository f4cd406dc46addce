"""Auto Scaling groups as the handlers of several types read and wait for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud

SECONDS = 900.0
"""How long a group's instances may take to come into service, or to go."""


def find(cloud: Cloud, name: str) -> dict[str, Any] | None:
    told = cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    found = [e for e in told["AutoScalingGroups"] if e.get("Status") != "Delete in progress"]
    return dict(found[0]) if found else None


def exists(cloud: Cloud, name: str) -> bool:
    """Whether anything is left of it, also while it is being deleted."""
    told = cloud.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[name])
    return bool(told["AutoScalingGroups"])


def serving(group: Mapping[str, Any]) -> list[str]:
    return [
        each["InstanceId"]
        for each in group["Instances"]
        if each["LifecycleState"] == "InService" and each["HealthStatus"] == "Healthy"
    ]


def whole(group: Mapping[str, Any]) -> bool:
    """Whether all its instances are in service, and are as many as desired."""
    return len(serving(group)) == len(group["Instances"]) >= int(group["DesiredCapacity"])


def wanted_version(cloud: Cloud, setting: Mapping[str, Any]) -> tuple[str, str]:
    """The launch template's id, and the number of the version that a setting means."""
    named = {
        key: setting[key] for key in ("LaunchTemplateId", "LaunchTemplateName") if key in setting
    }
    told = cloud.ec2.describe_launch_template_versions(
        **named, Versions=[str(setting.get("Version") or "$Default")]
    )["LaunchTemplateVersions"][0]
    return str(told["LaunchTemplateId"]), str(told["VersionNumber"])


def obsolete(cloud: Cloud, group: Mapping[str, Any]) -> list[str]:
    """Instances that are not what the group would launch now, or not where."""
    wanted = wanted_version(cloud, group["LaunchTemplate"])
    zones = group["AvailabilityZones"]
    return [
        each["InstanceId"]
        for each in group["Instances"]
        if not each["LifecycleState"].startswith("Terminat")
        and (
            (each["LaunchTemplate"]["LaunchTemplateId"], each["LaunchTemplate"]["Version"])
            != wanted
            or each["AvailabilityZone"] not in zones
        )
    ]
