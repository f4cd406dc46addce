"""Groups: create, change, tell of, delete; processes; target groups."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.scaling import describe, settings, words
from provisimus.localcloud.scaling.api.base import (
    NOTHING,
    ActionResult,
    Base,
    ScalingError,
    invalid,
    unsupported,
)
from provisimus.localcloud.scaling.group import PROCESSES, Group, Subnet, Tag


class Groups(Base):
    def create_auto_scaling_group(self) -> ActionResult:
        given = self.given(
            *settings.HONOURED, "AutoScalingGroupName", "AvailabilityZones", "Tags",
            "LifecycleHookSpecificationList", "CapacityRebalance",
        )  # fmt: skip
        name = str(given.pop("AutoScalingGroupName"))
        if given.pop("CapacityRebalance", False):
            raise unsupported("CapacityRebalance, which is for Spot Instances,")
        if name in self.keeper.groups:
            raise ScalingError(
                "AlreadyExists",
                "AutoScalingGroup by this name already exists - A group with the name "
                f"{name} already exists",
            )
        hooks = tuple(
            settings.hook(each) for each in given.pop("LifecycleHookSpecificationList", ())
        )
        tags = {t["Key"]: Tag(t.get("Value", ""), _bool(t.get("PropagateAtLaunch")))
                for t in given.pop("Tags", ())}  # fmt: skip
        subnets = self._subnets(given.pop("AvailabilityZones", ()), given)
        made = settings.of_creation(given)
        self._check_template(made)
        self._check_target_groups(made.get("TargetGroupARNs", ()))
        where = f"{self.region}:{self.current_account}"
        now = time.time()
        self.keeper.add(
            Group(
                name,
                f"arn:aws:autoscaling:{where}:autoScalingGroup:{uuid.uuid4()}:"
                f"autoScalingGroupName/{name}",
                now,
                made,
                subnets,
                tags,
                hooks=hooks,
                why=words.asked(
                    now, "created an AutoScalingGroup", 0, int(made["DesiredCapacity"])
                ),
            )
        )
        return NOTHING

    def update_auto_scaling_group(self) -> ActionResult:
        given = self.given(*settings.HONOURED, "AutoScalingGroupName", "AvailabilityZones")
        group = self.meant()
        subnets = group.subnets
        if "VPCZoneIdentifier" in given or "AvailabilityZones" in given:
            subnets = self._subnets(given.pop("AvailabilityZones", ()), given)
        given.pop("AutoScalingGroupName")
        if "LaunchTemplate" in given:
            settings.check_template_setting(given)
            self._check_template(given)

        def changed(now: Group) -> Group:
            what = "update of AutoScalingGroup constraints to min: {MinSize}, max: {MaxSize}, desired: {DesiredCapacity}"  # noqa: E501
            after = settings.of_update(now.settings, given)
            return _with_desired(replace(now, settings=after, subnets=subnets), now, what)

        self.change(changed)
        return NOTHING

    def set_desired_capacity(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "DesiredCapacity", "HonorCooldown")
        wanted = int(given["DesiredCapacity"])

        def changed(now: Group) -> Group:
            settings.check_desired(now.settings, wanted)
            if given.get("HonorCooldown") and time.time() - now.scaled < settings.cooldown(now):
                raise ScalingError(
                    "ScalingActivityInProgress",
                    "The cooldown period of the group is not over.",
                )
            what = "explicitly set group desired capacity"
            return _with_desired(now.set(DesiredCapacity=wanted), now, what)

        self.change(changed)
        return NOTHING

    def delete_auto_scaling_group(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "ForceDelete")
        group = self.meant()
        if group.members and not given.get("ForceDelete"):
            raise ScalingError(
                "ResourceInUse",
                "You cannot delete an AutoScalingGroup while there are instances or pending Spot "
                "instance request(s) still in the group.",
            )
        # A forced deletion asks no hook.
        self.change(lambda now: replace(now, deleting=True, hooks=(), suspended=frozenset()))
        return NOTHING

    def describe_auto_scaling_groups(self) -> ActionResult:
        given = self.given(
            "AutoScalingGroupNames", "Filters", "IncludeInstances", "MaxRecords", "NextToken"
        )
        names = given.get("AutoScalingGroupNames")
        found = [
            describe.group(each)
            for each in sorted(self.keeper.groups.values(), key=lambda each: each.name)
            if (not names or each.name in names)
            and all(_fits(each, wanted) for wanted in given.get("Filters", ()))
        ]
        return self.page("AutoScalingGroups", found)

    def describe_scaling_activities(self) -> ActionResult:
        given = self.given(
            "ActivityIds", "AutoScalingGroupName", "IncludeDeletedGroups", "MaxRecords", "NextToken"
        )
        wanted, ids = given.get("AutoScalingGroupName"), given.get("ActivityIds")
        groups = [g for g in self.keeper.groups.values() if not wanted or g.name == wanted]
        if wanted and not groups:
            self.meant(wanted)
        found = [
            describe.activity(group, each)
            for group in groups
            for each in group.activities
            if not ids or each.id in ids
        ]
        return self.page("Activities", found)

    def suspend_processes(self) -> ActionResult:
        named = self._processes()
        self.change(lambda now: replace(now, suspended=now.suspended | named))
        return NOTHING

    def resume_processes(self) -> ActionResult:
        named = self._processes()
        self.change(lambda now: replace(now, suspended=now.suspended - named))
        return NOTHING

    def describe_scaling_process_types(self) -> ActionResult:
        return ActionResult({"Processes": [{"ProcessName": name} for name in PROCESSES]})

    def attach_load_balancer_target_groups(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "TargetGroupARNs")
        self._check_target_groups(given["TargetGroupARNs"])
        fresh = [a for a in given["TargetGroupARNs"] if a not in self.meant().target_groups]
        group = self.change(lambda now: now.set(TargetGroupARNs=[*now.target_groups, *fresh]))
        self._each_target("register_targets", fresh, group)
        return NOTHING

    def detach_load_balancer_target_groups(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "TargetGroupARNs")
        gone = given["TargetGroupARNs"]
        group = self.change(
            lambda now: now.set(TargetGroupARNs=[a for a in now.target_groups if a not in gone])
        )
        self._each_target("deregister_targets", gone, group)
        return NOTHING

    def describe_load_balancer_target_groups(self) -> ActionResult:
        self.given("AutoScalingGroupName", "MaxRecords", "NextToken")
        found = [
            {"LoadBalancerTargetGroupARN": arn, "State": "InService"}
            for arn in self.meant().target_groups
        ]
        return self.page("LoadBalancerTargetGroups", found)

    # ---- pieces ----------------------------------------------------------------------------------

    def _each_target(self, call: str, arns: list[str], group: Group) -> None:
        ids = [{"Id": each.id} for each in group.members if each.serves]
        for arn in arns if ids else ():
            getattr(self.keeper.client("elbv2"), call)(TargetGroupArn=arn, Targets=ids)

    def _processes(self) -> frozenset[str]:
        given = self.given("AutoScalingGroupName", "ScalingProcesses")
        named = frozenset(given.get("ScalingProcesses") or PROCESSES)
        unknown = sorted(named - {*PROCESSES})
        if unknown:
            raise invalid(f"Invalid process name: {unknown[0]}")
        return named

    def _subnets(self, zones: Any, given: Mapping[str, Any]) -> tuple[Subnet, ...]:
        """Where instances may be launched; without subnets, the default ones of the zones."""
        backend = self.keeper.cloud.backend()
        identifiers = [e.strip() for e in str(given.get("VPCZoneIdentifier") or "").split(",") if e]
        if identifiers:
            known = {each.id: each for each in backend.describe_subnets()}
            missing = [each for each in identifiers if each not in known]
            if missing:
                raise invalid(f"The subnet ID '{missing[0]}' does not exist")
            found = tuple(Subnet(each, known[each].availability_zone) for each in identifiers)
            if zones and {*zones} != {each.zone for each in found}:
                raise invalid(
                    "The availability zones of the specified subnets and the Auto Scaling group do "
                    "not match"
                )
            return found
        if not zones:
            raise invalid("At least one Availability Zone or VPC Subnet is required.")
        defaults = backend.get_default_subnets()
        missing = [each for each in zones if each not in defaults]
        if missing:
            raise invalid(f"No default subnet for availability zone: '{missing[0]}'")
        return tuple(Subnet(defaults[each].id, each) for each in zones)

    def _check_template(self, wanted: Mapping[str, Any]) -> None:
        found = self.version(wanted["LaunchTemplate"])
        data = self.keeper.cloud.backend().get_launch_template(found.template)
        if not data.get_version(found.number).data.get("ImageId"):
            raise invalid(
                "You must use a valid fully-formed launch template. The request must contain the "
                "parameter ImageId"
            )

    def _check_target_groups(self, arns: Any) -> None:
        from moto.elbv2.models import elbv2_backends

        known = elbv2_backends[self.current_account][self.region].target_groups
        for arn in arns:
            if arn not in known:
                raise invalid(
                    "Provided Target Groups may not be valid. Please ensure they exist and try "
                    f"again: {arn}"
                )


def _with_desired(after: Group, before: Group, what: str) -> Group:
    if after.desired == before.desired:
        return after
    said = what.format(**after.settings)
    return replace(after, why=words.asked(time.time(), said, before.desired, after.desired))


def _fits(group: Group, wanted: Mapping[str, Any]) -> bool:
    name, values = wanted["Name"], wanted["Values"]
    if name == "tag-key":
        return any(key in values for key in group.tags)
    if name == "tag-value":
        return any(tag.value in values for tag in group.tags.values())
    if name.startswith("tag:"):
        tag = group.tags.get(name.removeprefix("tag:"))
        return tag is not None and tag.value in values
    raise invalid(f"Filter name {name} is not one of tag-key, tag-value and tag:KEY")


def _bool(value: Any) -> bool:
    return value in (True, "true", "True")
