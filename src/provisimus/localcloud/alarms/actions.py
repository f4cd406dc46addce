"""What an alarm calls when its state changes: a topic, an action of EC2, a scaling policy.

Source: CloudWatch user guide, "Alarm actions" and "Create alarms to stop, terminate, reboot, or
recover an EC2 instance".
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from provisimus.localcloud.alarms.evaluation import ALARM, INSUFFICIENT
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.scaling.acting import Order, act
from provisimus.localcloud.scaling.keeper import Keeper

_EC2 = re.compile(r"arn:aws:automate:[^:]+:ec2:(recover|reboot|stop|terminate)")
_POLICY = re.compile(r"arn:aws:autoscaling:[^:]+:[^:]*:scalingPolicy:.+")
_TOPIC = re.compile(r"arn:aws:sns:.+")


def is_known(arn: str) -> bool:
    return any(kind.fullmatch(arn) for kind in (_EC2, _POLICY, _TOPIC))


def is_policy(arn: str) -> bool:
    return _POLICY.fullmatch(arn) is not None


def of(alarm: Any) -> list[str]:
    """The actions of the state in which the alarm is."""
    if not alarm.actions_enabled:
        return []
    if alarm.state_value == ALARM:
        return list(alarm.alarm_actions)
    if alarm.state_value == INSUFFICIENT:
        return list(alarm.insufficient_data_actions)
    return list(alarm.ok_actions)


def take(keeper: Keeper, alarm: Any, arn: str, before: str, value: float) -> None:
    """Raises whatever the call raises."""
    if _POLICY.fullmatch(arn):
        order = Order(arn, value, float(alarm.threshold), alarm.name, alarm.state_value)
        act(keeper, order)
        return
    found = _EC2.fullmatch(arn)
    if found is None:
        keeper.client("sns").publish(
            TopicArn=arn,
            Subject=f'{alarm.state_value}: "{alarm.name}" in {alarm.region_name}'[:99],
            Message=json.dumps(_message(keeper.cloud, alarm, before)),
        )
        return
    instance = next(each.value for each in alarm.dimensions if each.name == "InstanceId")
    if found[1] == "recover":
        from provisimus.localcloud.hooks.instances import recover

        recover(keeper.cloud, instance)
        return
    call = {
        "reboot": "reboot_instances", "stop": "stop_instances", "terminate": "terminate_instances",
    }[found[1]]  # fmt: skip
    getattr(keeper.client("ec2"), call)(InstanceIds=[instance])


def _message(cloud: Cloud, alarm: Any, before: str) -> dict[str, Any]:
    """What a subscriber of the topic gets."""
    return {
        "AlarmName": alarm.name,
        "AlarmDescription": alarm.description,
        "AWSAccountId": cloud.account,
        "NewStateValue": alarm.state_value,
        "OldStateValue": before,
        "NewStateReason": alarm.state_reason,
        "StateChangeTime": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000+0000}",
        "Region": alarm.region_name,
        "AlarmArn": alarm.alarm_arn,
        "Trigger": {
            "MetricName": alarm.metric_name,
            "Namespace": alarm.namespace,
            "Statistic": alarm.statistic,
            "Dimensions": [{"name": d.name, "value": d.value} for d in alarm.dimensions],
            "Period": alarm.period,
            "EvaluationPeriods": alarm.evaluation_periods,
            "ComparisonOperator": alarm.comparison_operator,
            "Threshold": alarm.threshold,
            "TreatMissingData": alarm.treat_missing_data or "missing",
        },
    }
