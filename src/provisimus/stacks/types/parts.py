"""What templates of several types have in common: machines, who may reach them, alarms. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.stacks import permissions
from provisimus.stacks.types.interface import IMAGE_ID, ROOT_DEVICE, OtherStack, WantedStack
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.definitions.stack import Ingress

EVERYWHERE = "0.0.0.0/0"

HOP_LIMIT = 2
"""Containers sit one hop behind the Docker bridge. With 1, an AWS SDK in one of them could not
reach the instance's role, and people would bake keys instead."""

METADATA = {
    "HttpEndpoint": "enabled",
    "HttpTokens": "required",
    "HttpPutResponseHopLimit": HOP_LIMIT,
}


def head(description: str) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{description} (Provisimus)",
    }


# ---- parameters ----------------------------------------------------------------------------------


def image_parameters() -> dict[str, Any]:
    return {
        IMAGE_ID: {"Type": "AWS::EC2::Image::Id", "Description": "The machine image."},
        ROOT_DEVICE: {"Type": "String", "Description": "The machine image's root device."},
        "Version": {"Type": "String", "Description": "The version of the service."},
    }


def vpc_parameter() -> dict[str, Any]:
    return {"VpcId": {"Type": "AWS::EC2::VPC::Id", "Description": "Where the instance lives."}}


def size_parameters(key_name: str | None) -> dict[str, Any]:
    size = {"InstanceType": {"Type": "String", "Description": "The size of the instance."}}
    if not key_name:
        return size
    key = {
        "Type": "AWS::EC2::KeyPair::KeyName",
        "Description": "The key pair of the base's own user.",
    }
    return {**size, "KeyName": key}


def subnets_parameter(name: str, description: str) -> dict[str, Any]:
    return {name: {"Type": "List<AWS::EC2::Subnet::Id>", "Description": description}}


def given(wanted: WantedStack[Any], values: Mapping[str, str]) -> dict[str, str]:
    """The values of parameters, without those that another stack gives."""
    return {name: each for name, each in values.items() if name not in wanted.network.wires}


# ---- who may reach it ----------------------------------------------------------------------------


def security_group(description: str, rules: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::SecurityGroup",
        "Properties": {
            "GroupDescription": description,
            "VpcId": {"Ref": "VpcId"},
            "SecurityGroupIngress": list(rules),
            "SecurityGroupEgress": [
                {"IpProtocol": "-1", "CidrIp": EVERYWHERE, "Description": "everything may leave"}
            ],
        },
    }


def rule(ingress: Ingress) -> dict[str, Any]:
    return port_from(ingress.port, ingress.source)


def port_from(port: int, network: str) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "CidrIpv6" if ":" in network and not output_of(network) else "CidrIp": network,
    }


def port_from_group(port: int, group: Any, description: str) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": port,
        "ToPort": port,
        "SourceSecurityGroupId": group,
        "Description": description,
    }


def group_id(name: str) -> dict[str, Any]:
    return {"Fn::GetAtt": [name, "GroupId"]}


# ---- machines ------------------------------------------------------------------------------------


def instance_role(
    description: str, statements: list[permissions.Statement], *managed: str
) -> dict[str, Any]:
    """A role that may do what the definition asks for, and nothing where it asks for nothing."""
    properties: dict[str, Any] = {
        "Description": description,
        "AssumeRolePolicyDocument": trust("ec2.amazonaws.com"),
    }
    if managed:
        properties["ManagedPolicyArns"] = [
            {"Fn::Sub": f"arn:${{AWS::Partition}}:iam::aws:policy/{name}"} for name in managed
        ]
    if statements:
        properties["Policies"] = permissions.policies(statements)
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def trust(service: str) -> dict[str, Any]:
    """That a service of AWS may take a role."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": service},
                "Action": "sts:AssumeRole",
            }
        ],
    }


def instance_profile() -> dict[str, Any]:
    return {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "Role"}]}}


def root_disk() -> list[dict[str, Any]]:
    return [
        {
            "DeviceName": {"Ref": ROOT_DEVICE},
            "Ebs": {"Encrypted": True, "VolumeType": "gp3", "DeleteOnTermination": True},
        }
    ]


def named(rest: str = "") -> list[dict[str, Any]]:
    """The tag `Name`: the stack's own, and what of it this is."""
    name = {"Fn::Sub": f"${{AWS::StackName}} {rest}"} if rest else {"Ref": "AWS::StackName"}
    return [{"Key": "Name", "Value": name}]


# ---- names and alarms ----------------------------------------------------------------------------


def zone_id(zone: str, others: Mapping[str, OtherStack]) -> Any:
    return others[zone].output("ZoneId") if zone in others else zone


def arn_in(value: str, others: Mapping[str, OtherStack], output: str) -> Any:
    """An ARN as it is, or that which a stack gives."""
    return others[value].output(output) if value in others else value


def alarm(
    description: str,
    metric: tuple[str, str],
    dimensions: Mapping[str, Any],
    *,
    above: float | None = None,
    below: float | None = None,
    of: tuple[int, int] = (3, 3),
    statistic: str = "Average",
    period: int = 60,
    missing: str = "notBreaching",
    actions: Iterable[Any] = (),
    all_clear: bool = True,
) -> dict[str, Any]:
    """An alarm on a metric (namespace and name); `of` is how many of how many periods must be
    beyond the limit, `period` in seconds, `all_clear` whether the end is told, too."""
    namespace, name = metric
    called = list(actions)
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": description,
            "Namespace": namespace,
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Statistic": statistic,
            "Period": period,
            "EvaluationPeriods": of[1],
            "DatapointsToAlarm": of[0],
            "Threshold": below if above is None else above,
            "ComparisonOperator": "LessThanThreshold" if above is None else "GreaterThanThreshold",
            "TreatMissingData": missing,
            **({"AlarmActions": called} if called else {}),
            **({"OKActions": called} if called and all_clear else {}),
        },
    }
