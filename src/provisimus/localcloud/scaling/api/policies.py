"""Scaling policies: put, tell of, execute, delete."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.scaling import acting, describe, tracking
from provisimus.localcloud.scaling.api.base import (
    NOTHING,
    ActionResult,
    Base,
    ScalingError,
    invalid,
    unsupported,
)
from provisimus.localcloud.scaling.group import Group, Policy

_COMMON = ("AutoScalingGroupName", "PolicyName", "PolicyType", "Enabled")
_OF = {
    "SimpleScaling": ("AdjustmentType", "Cooldown", "MinAdjustmentMagnitude", "ScalingAdjustment"),
    "StepScaling": (
        "AdjustmentType", "EstimatedInstanceWarmup", "MetricAggregationType",
        "MinAdjustmentMagnitude", "StepAdjustments",
    ),
    "TargetTrackingScaling": ("EstimatedInstanceWarmup", "TargetTrackingConfiguration"),
}  # fmt: skip


class Policies(Base):
    def put_scaling_policy(self) -> ActionResult:
        kind = str(self._get_params().get("PolicyType") or "SimpleScaling")
        if kind not in _OF:
            raise unsupported(f"PolicyType {kind}")
        given = self.given(*_COMMON, *_OF[kind])
        given.setdefault("PolicyType", kind)
        group, name = self.meant(given.pop("AutoScalingGroupName")), str(given.pop("PolicyName"))
        given["Enabled"] = given.get("Enabled", True) not in (False, "false")
        _check(kind, given)
        before = next((each for each in group.policies if each.name == name), None)
        where = f"arn:aws:autoscaling:{self.region}:{self.current_account}:scalingPolicy"
        arn = (
            before.arn if before
            else f"{where}:{uuid.uuid4()}:autoScalingGroupName/{group.name}:policyName/{name}"
        )  # fmt: skip
        alarms: tuple[str, ...] = ()
        if kind == "TargetTrackingScaling":
            wanted = tracking.alarms(group.name, arn, given["TargetTrackingConfiguration"])
            for each in wanted:
                self.keeper.client("cloudwatch").put_metric_alarm(**each)
            alarms = tuple(str(each["AlarmName"]) for each in wanted)
        made = Policy(name, arn, given, alarms)
        self._delete_alarms(set(before.alarms if before else ()) - set(alarms))

        def changed(now: Group) -> Group:
            others = tuple(each for each in now.policies if each.name != name)
            return replace(now, policies=(*others, made))

        self.change(changed, group.name)
        told = [{"AlarmName": each} for each in alarms]
        return ActionResult({"PolicyARN": arn, "Alarms": told})

    def describe_policies(self) -> ActionResult:
        given = self.given(
            "AutoScalingGroupName", "MaxRecords", "NextToken", "PolicyNames", "PolicyTypes"
        )
        wanted, names = given.get("AutoScalingGroupName"), given.get("PolicyNames")
        kinds = given.get("PolicyTypes")
        found = [
            describe.policy(group, each)
            for group in self.keeper.groups.values()
            if not wanted or group.name == wanted
            for each in group.policies
            if (not names or each.name in names or each.arn in names)
            and (not kinds or each.settings["PolicyType"] in kinds)
        ]
        return self.page("ScalingPolicies", found)

    def delete_policy(self) -> ActionResult:
        given = self.given("AutoScalingGroupName", "PolicyName")
        group, policy = self._named(given)
        self.change(
            lambda now: replace(
                now, policies=tuple(p for p in now.policies if p.arn != policy.arn)
            ),
            group.name,
        )
        self._delete_alarms({*policy.alarms})
        return NOTHING

    def execute_policy(self) -> ActionResult:
        given = self.given(
            "AutoScalingGroupName", "BreachThreshold", "HonorCooldown", "MetricValue", "PolicyName"
        )
        _, policy = self._named(given)
        stepped = policy.settings["PolicyType"] == "StepScaling"
        if policy.settings["PolicyType"] == "TargetTrackingScaling":
            raise invalid("A target tracking policy cannot be executed by a request")
        if stepped and not {"MetricValue", "BreachThreshold"} <= given.keys():
            raise invalid("MetricValue and BreachThreshold are required for a step scaling policy")
        heed = given.get("HonorCooldown") in (True, "true")
        order = acting.Order(
            policy.arn,
            float(given.get("MetricValue") or 0),
            float(given.get("BreachThreshold") or 0),
        )
        if not acting.act(self.keeper, order, heed_cooldown=heed) and heed:
            raise ScalingError("ScalingActivityInProgress", "The cooldown period is not over.")
        return NOTHING

    def describe_adjustment_types(self) -> ActionResult:
        kinds = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")
        return ActionResult({"AdjustmentTypes": [{"AdjustmentType": each} for each in kinds]})

    def _named(self, given: Mapping[str, Any]) -> tuple[Group, Policy]:
        wanted = given["PolicyName"]
        for group in self.keeper.groups.values():
            if given.get("AutoScalingGroupName") in (None, group.name):
                for each in group.policies:
                    if each.arn == wanted or (
                        each.name == wanted and given.get("AutoScalingGroupName")
                    ):
                        return group, each
        raise invalid(f"No policy found for autoscaling group: {wanted}")

    def _delete_alarms(self, names: set[str]) -> None:
        if names:
            self.keeper.client("cloudwatch").delete_alarms(AlarmNames=sorted(names))


def _check(kind: str, given: Mapping[str, Any]) -> None:
    needed = {
        "SimpleScaling": ("AdjustmentType", "ScalingAdjustment"),
        "StepScaling": ("AdjustmentType", "StepAdjustments"),
        "TargetTrackingScaling": ("TargetTrackingConfiguration",),
    }[kind]
    for name in needed:
        if name not in given:
            raise invalid(f"{name} is required for a policy of type {kind}")
    if given.get("MetricAggregationType", "Average") != "Average":
        raise unsupported(f"MetricAggregationType {given['MetricAggregationType']}")
    kinds = ("ChangeInCapacity", "ExactCapacity", "PercentChangeInCapacity")
    if given.get("AdjustmentType", kinds[0]) not in kinds:
        raise invalid(f"AdjustmentType is one of {', '.join(kinds)}")
