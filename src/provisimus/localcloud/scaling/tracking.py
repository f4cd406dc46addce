"""The alarms by which a target tracking policy is told to act. Pure.

Source: EC2 Auto Scaling user guide, "Target tracking scaling policies for Amazon EC2 Auto Scaling":
two alarms are made and managed with the policy; scaling in is slower than scaling out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.scaling.errors import invalid, unsupported
from provisimus.localcloud.scaling.policies import LOW_FACTOR

_HONOURED = ("CustomizedMetricSpecification", "DisableScaleIn", "PredefinedMetricSpecification",
             "TargetValue")  # fmt: skip


def alarms(group: str, arn: str, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Arguments of PutMetricAlarm. Raises ScalingError for a metric that there is none of here."""
    for name in wanted:
        if name not in _HONOURED:
            raise unsupported(f"{name} of a TargetTrackingConfiguration")
    target = float(wanted["TargetValue"])
    common = {
        **_metric(group, wanted),
        "Period": 60,
        "AlarmActions": [arn],
        "AlarmDescription": f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {arn}.",
    }
    policy = arn.rpartition("policyName/")[2]
    made = [
        {
            **common,
            "AlarmName": f"TargetTracking-{group}-AlarmHigh-{policy}",
            "ComparisonOperator": "GreaterThanThreshold",
            "EvaluationPeriods": 3,
            "Threshold": target,
        }
    ]
    if wanted.get("DisableScaleIn") not in (True, "true"):
        made.append(
            {
                **common,
                "AlarmName": f"TargetTracking-{group}-AlarmLow-{policy}",
                "ComparisonOperator": "LessThanThreshold",
                "EvaluationPeriods": 15,
                "Threshold": round(target * LOW_FACTOR, 6),
            }
        )
    return made


def _metric(group: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    own, known = (
        wanted.get("CustomizedMetricSpecification"),
        wanted.get("PredefinedMetricSpecification"),
    )
    if bool(own) == bool(known):
        raise invalid("A target tracking policy has either a predefined or a customized metric")
    if known:
        kind = known.get("PredefinedMetricType")
        if kind == "ALBRequestCountPerTarget":
            return {
                "Namespace": "AWS/ApplicationELB",
                "MetricName": "RequestCountPerTarget",
                "Dimensions": [{"Name": "TargetGroup", "Value": _labelled(known)}],
                "Statistic": "Sum",
            }
        if kind != "ASGAverageCPUUtilization":
            raise unsupported(f"PredefinedMetricType {kind}")
        return {
            "Namespace": "AWS/EC2",
            "MetricName": "CPUUtilization",
            "Dimensions": [{"Name": "AutoScalingGroupName", "Value": group}],
            "Statistic": "Average",
        }
    assert own is not None
    for name in own:
        if name not in ("Dimensions", "MetricName", "Namespace", "Statistic", "Unit"):
            raise unsupported(f"{name} of a CustomizedMetricSpecification")
    return {key: value for key, value in own.items() if value}


def _labelled(known: Mapping[str, Any]) -> str:
    """The target group that a ResourceLabel ends with: `app/NAME/ID/targetgroup/NAME/ID`."""
    before, found, group = str(known.get("ResourceLabel") or "").partition("/targetgroup/")
    if not found or before.count("/") != 2 or group.count("/") != 1:
        raise invalid(
            "ALBRequestCountPerTarget needs a ResourceLabel such as "
            "app/my-alb/778d41231b141a0f/targetgroup/my-alb-target-group/943f017f100becff"
        )
    return f"targetgroup/{group}"
