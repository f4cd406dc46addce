"""What may be said of a group, a hook and a policy, and its defaults. Pure.

Source: API reference, CreateAutoScalingGroup, UpdateAutoScalingGroup, PutLifecycleHook.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.scaling.errors import invalid, unsupported
from provisimus.localcloud.scaling.group import LAUNCHING, TERMINATING, Group, Hook
from provisimus.localcloud.scaling.termination import POLICIES

HONOURED = (
    "DefaultCooldown", "DefaultInstanceWarmup", "DesiredCapacity", "HealthCheckGracePeriod",
    "HealthCheckType", "LaunchTemplate", "MaxSize", "MinSize", "NewInstancesProtectedFromScaleIn",
    "TargetGroupARNs", "TerminationPolicies", "VPCZoneIdentifier",
)  # fmt: skip
DEFAULTS: Mapping[str, Any] = {
    "DefaultCooldown": 300,
    "HealthCheckGracePeriod": 0,
    "HealthCheckType": "EC2",
    "NewInstancesProtectedFromScaleIn": False,
    "TargetGroupARNs": [],
    "TerminationPolicies": ["Default"],
}


def of_creation(given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a new group. Raises ScalingError."""
    if "LaunchTemplate" not in given:
        raise invalid(
            "Valid requests must contain either LaunchTemplate, LaunchConfigurationName, "
            "InstanceId or MixedInstancesPolicy parameter. (This local cloud knows LaunchTemplate.)"
        )
    check_template_setting(given)
    made = {**DEFAULTS, **given}
    made.setdefault("DesiredCapacity", made["MinSize"])
    _check(made)
    return made


def of_update(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The settings after a change; the desired capacity follows its bounds. Raises ScalingError."""
    after = {**before, **given}
    if "DesiredCapacity" not in given:
        least, most = int(after["MinSize"]), int(after["MaxSize"])
        after["DesiredCapacity"] = max(least, min(most, int(before["DesiredCapacity"])))
    _check(after)
    return after


def check_template_setting(given: Mapping[str, Any]) -> None:
    wanted = given["LaunchTemplate"]
    if bool(wanted.get("LaunchTemplateId")) == bool(wanted.get("LaunchTemplateName")):
        raise invalid("Valid requests must contain either launchTemplateId or LaunchTemplateName")


def check_desired(settings: Mapping[str, Any], wanted: int) -> None:
    least, most = int(settings["MinSize"]), int(settings["MaxSize"])
    if wanted > most:
        raise invalid(f"New SetDesiredCapacity value {wanted} is above max value {most} for the "
                      "AutoScalingGroup.")  # fmt: skip
    if wanted < least:
        raise invalid(f"New SetDesiredCapacity value {wanted} is below min value {least} for the "
                      "AutoScalingGroup.")  # fmt: skip


def cooldown(group: Group) -> int:
    return int(group.settings.get("DefaultCooldown") or 0)


def _check(made: Mapping[str, Any]) -> None:
    least, most, desired = (int(made[key]) for key in ("MinSize", "MaxSize", "DesiredCapacity"))
    if least > most:
        raise invalid(f"Max bound, {most}, must be greater than or equal to min bound, {least}")
    if not least <= desired <= most:
        raise invalid(
            f"Desired capacity:{desired} must be between the specified min size:{least} and max "
            f"size:{most}"
        )
    if made["HealthCheckType"] not in ("EC2", "ELB"):
        raise unsupported(f"HealthCheckType {made['HealthCheckType']}")
    for name in made["TerminationPolicies"]:
        if name not in POLICIES:
            raise unsupported(f"Termination policy {name}")


def hook(given: Mapping[str, Any], before: Hook | None = None) -> Hook:
    """A lifecycle hook, new or changed. Raises ScalingError."""
    transition = given.get("LifecycleTransition") or (before.transition if before else "")
    if transition not in (LAUNCHING, TERMINATING):
        raise invalid("Lifecycle transition must be specified for a new lifecycle hook")
    target = given.get("NotificationTargetARN", before.target if before else "")
    if target and ":sns:" not in target:
        raise unsupported(f"A lifecycle hook's target that is no topic of SNS ({target})")
    timeout = int(given.get("HeartbeatTimeout") or (before.timeout if before else 3600))
    if not 30 <= timeout <= 7200:
        raise invalid("HeartbeatTimeout must be between 30 and 7200 seconds")
    default = str(given.get("DefaultResult") or (before.default if before else "ABANDON"))
    if default not in ("CONTINUE", "ABANDON"):
        raise invalid("DefaultResult must be CONTINUE or ABANDON")
    return Hook(
        str(given["LifecycleHookName"]),
        transition,
        timeout,
        default,
        str(target),
        str(given.get("RoleARN") or (before.role if before else "")),
        str(given.get("NotificationMetadata") or (before.metadata if before else "")),
    )
