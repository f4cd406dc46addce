"""AWS::AutoScaling::ScalingPolicy: simple, step and target tracking. Its ARN is its physical id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers import _groups
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_NUMBERS = ("Cooldown", "EstimatedInstanceWarmup", "MinAdjustmentMagnitude", "ScalingAdjustment")
_OTHERS = ("AdjustmentType", "MetricAggregationType", "PolicyType", "StepAdjustments",
           "TargetTrackingConfiguration")  # fmt: skip
_TRACKING = "TargetTrackingConfiguration"
_METRIC = f"{_TRACKING}/CustomizedMetricSpecification"


class ScalingPolicy(Handler):
    type = "AWS::AutoScaling::ScalingPolicy"
    honoured = frozenset(
        {
            "AdjustmentType",
            "AutoScalingGroupName",
            "MetricAggregationType",
            "PolicyType",
            "StepAdjustments/*/MetricIntervalLowerBound",
            "StepAdjustments/*/MetricIntervalUpperBound",
            "StepAdjustments/*/ScalingAdjustment",
            f"{_TRACKING}/DisableScaleIn",
            f"{_TRACKING}/TargetValue",
            f"{_TRACKING}/PredefinedMetricSpecification/PredefinedMetricType",
            f"{_TRACKING}/PredefinedMetricSpecification/ResourceLabel",
            f"{_METRIC}/Dimensions/*/Name",
            f"{_METRIC}/Dimensions/*/Value",
            f"{_METRIC}/MetricName",
            f"{_METRIC}/Namespace",
            f"{_METRIC}/Statistic",
            f"{_METRIC}/Unit",
            *_NUMBERS,
        }
    )
    attributes = frozenset({"Arn", "PolicyName"})

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        return _put(cloud, wanted.generated_name, wanted)

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        """By its name but for what is random in it."""
        told = cloud.autoscaling.describe_policies(
            AutoScalingGroupName=wanted.properties["AutoScalingGroupName"]
        )["ScalingPolicies"]
        begins = f"{wanted.generated_name.rpartition('-')[0]}-"
        return [str(e["PolicyARN"]) for e in told if str(e["PolicyName"]).startswith(begins)]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Arn": physical_id, "PolicyName": _name(physical_id)}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        if found is None:
            return None
        told = only(found, "AutoScalingGroupName", *_NUMBERS, *_OTHERS)
        return {k: str(v) if k == "Cooldown" else v for k, v in told.items()}

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _put(cloud, _name(physical_id), after)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            cloud.autoscaling.delete_policy(PolicyName=physical_id)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _put(cloud: Cloud, name: str, wanted: Shape) -> str:
    given = wanted.properties
    made = cloud.autoscaling.put_scaling_policy(
        AutoScalingGroupName=given["AutoScalingGroupName"],
        PolicyName=name,
        **only(given, *_OTHERS),
        **{key: int(given[key]) for key in _NUMBERS if key in given},
    )
    return str(made["PolicyARN"])


def _find(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    group = arn.partition("autoScalingGroupName/")[2].partition(":")[0]
    if _groups.find(cloud, group) is None:
        return None
    told = cloud.autoscaling.describe_policies(AutoScalingGroupName=group, PolicyNames=[arn])
    return dict(told["ScalingPolicies"][0]) if told["ScalingPolicies"] else None


def _name(arn: str) -> str:
    return arn.rpartition("policyName/")[2]


HANDLER = ScalingPolicy()
