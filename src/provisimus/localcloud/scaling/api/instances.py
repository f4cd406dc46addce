"""Instances of groups: told, judged, protected, ended, attached, detached, set aside."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from provisimus.localcloud.hooks.instances import GROUP_TAG
from provisimus.localcloud.scaling import describe, health, words
from provisimus.localcloud.scaling.api.base import NOTHING, ActionResult, Base, invalid
from provisimus.localcloud.scaling.group import Activity, Group, Member, Version
from provisimus.localcloud.scaling.turn import Turn, World


class Instances(Base):
    def describe_auto_scaling_instances(self) -> ActionResult:
        given = self.given("InstanceIds", "MaxRecords", "NextToken")
        ids = given.get("InstanceIds")
        found = [
            describe.instance_of(group, each)
            for group in self.keeper.groups.values()
            for each in group.members
            if not ids or each.id in ids
        ]
        return self.page("AutoScalingInstances", found, 50)

    def set_instance_health(self) -> ActionResult:
        given = self.given("HealthStatus", "InstanceId", "ShouldRespectGracePeriod")
        status = given["HealthStatus"]
        if status not in ("Healthy", "Unhealthy"):
            raise invalid("Valid instance health states are: [Healthy, Unhealthy]")
        heed = given.get("ShouldRespectGracePeriod", True) not in (False, "false")
        self._change_member(
            given["InstanceId"],
            lambda now, member: health.say(now, member, status, time.time(), heed_grace=heed),
        )
        return NOTHING

    def set_instance_protection(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "InstanceIds", "ProtectedFromScaleIn")
        on = given["ProtectedFromScaleIn"] in (True, "true")
        for identifier in given["InstanceIds"]:
            self._change_member(
                identifier, lambda now, member: now.put(replace(member, protected=on))
            )
        return NOTHING

    def terminate_instance_in_auto_scaling_group(self) -> ActionResult:
        given = self.given("InstanceId", "ShouldDecrementDesiredCapacity")
        fewer = given["ShouldDecrementDesiredCapacity"] in (True, "true")

        def gone(now: Group, member: Member) -> Group:
            if member.going:
                raise invalid(f"Instance {member.id} is in lifecycle state {member.state}")
            after = _fewer(now, 1) if fewer else now
            cause = words.by_request(time.time(), member.id, now.desired, after.desired)
            return _taken_out(after, member, cause)

        group = self._change_member(given["InstanceId"], gone)
        for arn in group.target_groups:
            self.keeper.client("elbv2").deregister_targets(
                TargetGroupArn=arn, Targets=[{"Id": given["InstanceId"]}]
            )
        return ActionResult({"Activity": describe.activity(group, group.activities[0])})

    def attach_instances(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "InstanceIds")
        group, ids = self.meant(), given["InstanceIds"]
        fresh = [self._stranger(each) for each in ids]
        if group.desired + len(ids) > group.most:
            raise invalid(
                f"AutoScalingGroup {group.name} has max-size={group.most}, which attaching the "
                "instances would exceed"
            )
        for each in ids:
            self.keeper.client("ec2").create_tags(
                Resources=[each], Tags=[{"Key": GROUP_TAG, "Value": group.name}]
            )
        self.change(lambda now: now.put(*fresh).set(DesiredCapacity=now.desired + len(fresh)))
        return NOTHING

    def detach_instances(self) -> ActionResult:
        def detached(now: Group, member: Member) -> Group:
            return now.drop(member.id)

        ids = self._given_ids()
        told = self._each("Detaching EC2 instance", "detached", detached)
        for each in ids:
            self.keeper.client("ec2").delete_tags(Resources=[each], Tags=[{"Key": GROUP_TAG}])
        return told

    def enter_standby(self) -> ActionResult:
        def aside(now: Group, member: Member) -> Group:
            return now.put(replace(member, state="Standby"))

        return self._each("Moving EC2 instance to Standby", "moved to standby", aside)

    def exit_standby(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "InstanceIds")
        group, ids = self.meant(), given["InstanceIds"]
        set_aside = [m for m in group.members if m.id in ids and m.state == "Standby"]
        if len(set_aside) < len(ids):
            raise invalid("The instances are not all in lifecycle state Standby")
        if group.desired + len(ids) > group.most:
            raise invalid("Leaving standby would exceed the group's max-size")
        now = time.time()
        told = [
            _activity(
                f"Moving EC2 instance out of Standby: {each.id}",
                f"{words.at(now)} instance {each.id} was moved out of standby in response to a "
                "user request.", each, now,
            )
            for each in set_aside
        ]  # fmt: skip

        def back(group: Group) -> Group:
            for each, activity in zip(set_aside, told, strict=True):
                group = group.tell(activity).put(
                    replace(each, state="Pending", activity=activity.id)
                )
            return group.set(DesiredCapacity=group.desired + len(set_aside))

        group = self.change(back)
        return ActionResult({"Activities": [describe.activity(group, each) for each in told]})

    # ---- pieces ----------------------------------------------------------------------------------

    def _each(
        self, title: str, done: str, change: Callable[[Group, Member], Group]
    ) -> ActionResult:
        """Take instances in service away from the group, with or without others in their place."""
        given = self.given("AutoScalingGroupName", "InstanceIds", "ShouldDecrementDesiredCapacity")
        group, ids = self.meant(), self._given_ids()
        fewer = given["ShouldDecrementDesiredCapacity"] in (True, "true")
        serving = [each for each in group.members if each.id in ids and each.serves]
        if len(serving) < len(ids):
            raise invalid(f"The instances are not all in service in {group.name}")
        told: list[Activity] = []

        def changed(now: Group) -> Group:
            after = _fewer(now, len(serving)) if fewer else now
            for member in serving:
                cause = (
                    f"{words.at(time.time())} instance {member.id} was {done} in response to a "
                    "user request."
                )
                told.append(
                    _activity(f"{title}: {member.id}", cause, member, time.time(), done=True)
                )
                after = change(after, member).tell(told[-1])
            return after

        group = self.change(changed)
        for arn in group.target_groups:
            self.keeper.client("elbv2").deregister_targets(
                TargetGroupArn=arn, Targets=[{"Id": each} for each in ids]
            )
        return ActionResult({"Activities": [describe.activity(group, each) for each in told]})

    def _given_ids(self) -> list[str]:
        return list(self._get_params().get("InstanceIds") or ())

    def _change_member(self, identifier: str, change: Callable[[Group, Member], Group]) -> Group:
        def changed(now: Group) -> Group:
            member = now.member(identifier)
            return change(now, member) if member else now

        return self.change(changed, self.of_instance(identifier).name)

    def _stranger(self, identifier: str) -> Member:
        """A running instance that belongs to no group, as a member. Raises ScalingError."""
        found: Any = {e.id: e for e in self.keeper.cloud.instances()}.get(identifier)
        if found is None or found._state.name != "running":
            raise invalid(f"Instance {identifier} does not exist or is not running")
        if any(each.member(identifier) for each in self.keeper.groups.values()):
            raise invalid(f"Instance {identifier} is already part of an AutoScalingGroup")
        return Member(
            identifier, found.placement.zone, found.instance_type, Version("", "", "0"),
            launched=time.time(),
        )  # fmt: skip


def _activity(
    title: str, cause: str, member: Member, now: float, *, done: bool = False
) -> Activity:
    told = Activity(str(uuid.uuid4()), title, cause, now, zone=member.zone)
    return replace(told, status="Successful", progress=100, ended=now) if done else told


def _fewer(now: Group, by: int) -> Group:
    if now.desired - by < now.least:
        raise invalid(
            f"AutoScalingGroup {now.name} has min-size={now.least}, and "
            f"desired-size={now.desired}. Removing {by} instance(s) would violate the min-size"
        )
    return now.set(DesiredCapacity=now.desired - by)


def _taken_out(now: Group, member: Member, cause: str) -> Group:
    turn = Turn(now, World(time.time(), member.version))
    turn.take_out(member, cause)
    return turn.group
