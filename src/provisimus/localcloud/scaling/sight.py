"""What is seen of a group's instances, launch template and alarms: read from moto's models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.scaling import targets
from provisimus.localcloud.scaling.group import Group, Version
from provisimus.localcloud.scaling.turn import Seen, World


def instances(cloud: Cloud) -> dict[str, Any]:
    """Moto's instances by id."""
    return {each.id: each for each in cloud.instances()}


def see(cloud: Cloud, group: Group, known: Mapping[str, Any], now: float, pace: float) -> World:
    """Where the launch template is gone, its version is a nameless one that launches nothing."""
    health = targets.health(cloud.account, cloud.region, group.target_groups)
    return World(
        now,
        _version(cloud, group),
        {
            member.id: _seen(cloud, known[member.id], health.get(member.id, ()))
            for member in group.members
            if member.id in known
        },
        _alarms(cloud, group),
        pace,
    )


def wanted_template(group: Group) -> Mapping[str, Any]:
    """The launch template setting by which instances are launched now."""
    refresh = group.refresh
    if refresh and refresh.desired and refresh.status in ("Pending", "InProgress", "Baking"):
        return dict(refresh.desired["LaunchTemplate"])
    return dict(group.settings["LaunchTemplate"])


def version(cloud: Cloud, wanted: Mapping[str, Any]) -> Version:
    """What a launch template setting means at the moment. Raises moto's errors."""
    template = template_of(cloud, wanted)
    number = template.get_version(wanted.get("Version") or "$Default").number
    return Version(template.id, template.name, str(number))


def _version(cloud: Cloud, group: Group) -> Version:
    try:
        return version(cloud, wanted_template(group))
    except EC2ClientError:
        return Version("", "", "0")


def template_of(cloud: Cloud, wanted: Mapping[str, Any]) -> Any:
    """Moto's launch template. Raises moto's errors."""
    backend = cloud.backend()
    if wanted.get("LaunchTemplateId"):
        return backend.get_launch_template(wanted["LaunchTemplateId"])
    return backend.get_launch_template_by_name(wanted.get("LaunchTemplateName"))


def _seen(cloud: Cloud, instance: Any, states: tuple[str, ...]) -> Seen:
    state = instance._state.name
    speaks = cloud.machines.is_running(instance.id) and cloud.machines.has_spoken(instance.id)
    return Seen(state, state == "running" and not speaks, states)


def _alarms(cloud: Cloud, group: Group) -> dict[str, str]:
    refresh = group.refresh
    names = (refresh.preferences.get("AlarmSpecification") or {}).get("Alarms") if refresh else None
    if not names:
        return {}
    from moto.cloudwatch.models import cloudwatch_backends

    known = cloudwatch_backends[cloud.account][cloud.region].alarms
    return {name: known[name].state_value for name in names if name in known}
