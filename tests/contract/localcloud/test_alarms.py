"""Alarms that are evaluated, and what they call.

Follows the CloudWatch user guide, "Evaluating an alarm", and the API references of PutMetricAlarm,
SetAlarmState and DescribeAlarmHistory. A minute is a second here; datapoints are put for minutes
that are over.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import LocalCloud
from .groups import eventually

ALARM = {
    "AlarmName": "errors", "Namespace": "Greeter", "MetricName": "Errors", "Statistic": "Sum",
    "Period": 60, "EvaluationPeriods": 1, "Threshold": 3,
    "ComparisonOperator": "GreaterThanThreshold",
}  # fmt: skip


@pytest.fixture
def quick(stopped_cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> LocalCloud:
    monkeypatch.setenv("PROVISIMUS_LOCAL_MINUTE", "0.3")
    stopped_cloud.start()
    return stopped_cloud


def put(api: Any, *values: float) -> None:
    """As datapoints of the last whole minutes, the newest last."""
    last = time.time() // 60 * 60 - 30
    api.put_metric_data(
        Namespace="Greeter",
        MetricData=[
            {
                "MetricName": "Errors", "Value": value,
                "Timestamp": datetime.fromtimestamp(last - 60 * age, UTC),
            }
            for age, value in enumerate(values[::-1])
        ],
    )  # fmt: skip


def state(api: Any) -> str:
    return str(api.describe_alarms(AlarmNames=["errors"])["MetricAlarms"][0]["StateValue"])


def test_an_alarm_rings_tells_its_topic_and_has_a_history(quick: LocalCloud) -> None:
    api, sns, sqs = (quick.client(name) for name in ("cloudwatch", "sns", "sqs"))
    topic = sns.create_topic(Name="alarms")["TopicArn"]
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    api.put_metric_alarm(**ALARM, AlarmActions=[topic])
    assert state(api) == "INSUFFICIENT_DATA"
    put(api, 1, 9)
    eventually(lambda: state(api) == "ALARM")
    told = eventually(lambda: sqs.receive_message(QueueUrl=queue).get("Messages"))
    message = json.loads(json.loads(told[0]["Body"])["Message"])
    assert (message["NewStateValue"], message["AlarmName"]) == ("ALARM", "errors")
    assert "[9.0 (" in message["NewStateReason"]

    def kinds() -> list[str]:
        history = api.describe_alarm_history(AlarmName="errors")["AlarmHistoryItems"]
        return [each["HistoryItemType"] for each in history]

    eventually(lambda: kinds() == ["Action", "StateUpdate", "ConfigurationUpdate"], kinds)
    eventually(lambda: quick.status()["saved"])
    quick.kill()
    quick.start()
    assert state(api) in ("ALARM", "INSUFFICIENT_DATA")
    assert "StateUpdate" in kinds()


def test_an_alarm_calls_a_policy_and_a_state_that_was_set_does_so_too(quick: LocalCloud) -> None:
    api, asg, ec2 = (quick.client(name) for name in ("cloudwatch", "autoscaling", "ec2"))
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    image = ec2.register_image(
        Name="none", RootDeviceName="/dev/xvda",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
    )["ImageId"]  # fmt: skip
    ec2.create_launch_template(
        LaunchTemplateName="greeter",
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.nano"},
    )
    asg.create_auto_scaling_group(
        AutoScalingGroupName="greeter", LaunchTemplate={"LaunchTemplateName": "greeter"},
        MinSize=0, MaxSize=9, AvailabilityZones=["eu-west-1a"],
    )  # fmt: skip
    asg.suspend_processes(AutoScalingGroupName="greeter", ScalingProcesses=["Launch"])
    policy = asg.put_scaling_policy(
        AutoScalingGroupName="greeter", PolicyName="more", PolicyType="StepScaling",
        AdjustmentType="ExactCapacity",
        StepAdjustments=[
            {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 5, "ScalingAdjustment": 2},
            {"MetricIntervalLowerBound": 5, "ScalingAdjustment": 4},
        ],
    )["PolicyARN"]  # fmt: skip

    def desired() -> int:
        told = asg.describe_auto_scaling_groups(AutoScalingGroupNames=["greeter"])
        return int(told["AutoScalingGroups"][0]["DesiredCapacity"])

    api.put_metric_alarm(**ALARM, AlarmActions=[policy], TreatMissingData="ignore")
    put(api, 9)
    eventually(lambda: desired() == 4)
    tracked = asg.put_scaling_policy(
        AutoScalingGroupName="greeter", PolicyName="cpu", PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 50,
        },
    )  # fmt: skip
    names = [each["AlarmName"] for each in tracked["Alarms"]]
    assert len(api.describe_alarms(AlarmNames=names)["MetricAlarms"]) == 2
    asg.delete_policy(AutoScalingGroupName="greeter", PolicyName="cpu")
    assert api.describe_alarms(AlarmNames=names)["MetricAlarms"] == []


def test_an_alarm_that_nothing_could_evaluate_is_refused_by_name(quick: LocalCloud) -> None:
    api = quick.client("cloudwatch")
    with pytest.raises(ClientError, match=r"action arn:aws:lambda:.* is known to AWS, not to this"):
        api.put_metric_alarm(**ALARM, AlarmActions=["arn:aws:lambda:eu-west-1:1:function:f"])
    with pytest.raises(ClientError, match="metric math expression"):
        api.put_metric_alarm(
            AlarmName="math", EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            Metrics=[{"Id": "e", "Expression": "1 + 1", "ReturnData": True}],
        )  # fmt: skip
    with pytest.raises(ClientError, match="PutCompositeAlarm is known to AWS, not to this"):
        api.put_composite_alarm(AlarmName="both", AlarmRule="ALARM(errors)")
