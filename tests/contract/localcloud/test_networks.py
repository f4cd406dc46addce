"""A network of a stack in a real process: its rules are EC2's, and a restart forgets nothing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conftest import LocalCloud

VPC = (Path(__file__).parents[1] / "cloudformation" / "vpc.yaml").read_text()


def test_a_network_lives_through_a_restart_and_goes_whole(cloud: LocalCloud) -> None:
    before = len(cloud.client("ec2").describe_network_interfaces()["NetworkInterfaces"])
    cloud.client("cloudformation").create_stack(StackName="network", TemplateBody=VPC)
    assert settled(cloud) == "CREATE_COMPLETE"
    vpc = outputs(cloud)["Vpc"]

    cloud.stop()
    cloud.start()

    ec2 = cloud.client("ec2")
    with pytest.raises(ClientError, match="DependencyViolation"):
        ec2.delete_vpc(VpcId=vpc)
    own = [{"Name": "vpc-id", "Values": [vpc]}]
    assert len(ec2.describe_subnets(Filters=own)["Subnets"]) == 4
    cards = ec2.describe_network_interfaces(Filters=own)["NetworkInterfaces"]
    # One of the NAT gateway, one of the endpoint in each zone, one of the template's own.
    assert len(cards) == 4
    assert {card["PrivateIpAddress"].rpartition(".")[0] for card in cards} == {
        "10.20.0", "10.20.10", "10.20.11",
    }  # fmt: skip

    cloud.client("cloudformation").delete_stack(StackName="network")
    assert settled(cloud) == "gone"
    assert len(ec2.describe_network_interfaces()["NetworkInterfaces"]) == before
    assert not ec2.describe_vpcs(Filters=own)["Vpcs"]


SMALL = """
Resources:
  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /kept, RetentionInDays: 7}}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: kept}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: kept
      Namespace: n
      MetricName: m
      Statistic: Sum
      Period: 60
      EvaluationPeriods: 1
      Threshold: 1
      ComparisonOperator: GreaterThanThreshold
  Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: kept.example}}
  Key: {Type: AWS::KMS::Key}
Outputs:
  Vpc: {Value: !GetAtt Key.Arn}
"""


def test_what_is_around_a_service_lives_through_a_restart(cloud: LocalCloud) -> None:
    cloud.client("cloudformation").create_stack(StackName="network", TemplateBody=SMALL)
    assert settled(cloud) == "CREATE_COMPLETE"
    cloud.stop()
    cloud.start()
    (log,) = cloud.client("logs").describe_log_groups()["logGroups"]
    assert (log["logGroupName"], log["retentionInDays"]) == ("/kept", 7)
    assert len(cloud.client("sns").list_topics()["Topics"]) == 1
    assert len(cloud.client("cloudwatch").describe_alarms()["MetricAlarms"]) == 1
    (zone,) = cloud.client("route53").list_hosted_zones()["HostedZones"]
    assert zone["Name"] == "kept.example."
    cloud.client("cloudformation").delete_stack(StackName="network")
    assert settled(cloud) == "gone"
    assert not cloud.client("logs").describe_log_groups()["logGroups"]
    assert not cloud.client("sns").list_topics()["Topics"]


def settled(cloud: LocalCloud) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            status = str(described(cloud)["StackStatus"])
        except ClientError:
            return "gone"
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.1)
    raise AssertionError("the stack does not settle")


def described(cloud: LocalCloud) -> Any:
    return cloud.client("cloudformation").describe_stacks(StackName="network")["Stacks"][0]


def outputs(cloud: LocalCloud) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in described(cloud)["Outputs"]}
