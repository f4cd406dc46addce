"""A stack's state as plain data and back; dynamic references; handlers' pure parts."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from provisimus.localcloud.cloudformation.dynamic import Lookups, resolve
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers.ec2_instance import run_arguments, user_data
from provisimus.localcloud.cloudformation.handlers.ec2_security_group import permission, singles
from provisimus.localcloud.cloudformation.handlers.interface import Shape, Wanted
from provisimus.localcloud.cloudformation.parameters import ParameterValue
from provisimus.localcloud.cloudformation.stack import (
    ChangeSet,
    Deployment,
    Discarded,
    Operation,
    Output,
    Resource,
    Stack,
    from_plain,
    to_plain,
)


def test_a_stack_in_the_middle_of_an_update_comes_back_as_it_was() -> None:
    deployment = Deployment("text", {"P": ParameterValue("P", "v")}, {"a": "b"}, ("CAP",))
    machine = Resource(
        "Machine",
        "AWS::EC2::Instance",
        "i-1",
        {"ImageId": "ami-1"},
        {"a": "b"},
        {"PublicIp": "127.0.0.2"},
        "UPDATE_IN_PROGRESS",
        1.5,
        depends_on=("Volume",),
        attempted=Shape({"ImageId": "ami-2"}, {}),
    )
    stack = Stack("arn:stack", "greeter", "eu-west-1", "0", 1.0, deployment=deployment)
    stack.operation = Operation(
        "UPDATE",
        "forward",
        previous=deployment,
        before={"Machine": machine},
        outputs_before=[Output("O", "v")],
        discarded=[Discarded(machine, "Snapshot")],
    )
    stack.outputs = [Output("O", "v", "why", "name")]
    stack.change_sets["arn:set"] = ChangeSet("arn:set", "one", "UPDATE", None, 1.0, deployment)
    stack.become("UPDATE_IN_PROGRESS", "User Initiated")
    stack.record(machine, "UPDATE_IN_PROGRESS")
    again = from_plain(json.loads(json.dumps(to_plain(stack))))
    assert again == stack


LOOKUPS = Lookups(
    ssm={"/a": "one", "/b:2": "two"}.__getitem__,
    secret=lambda name, stage, version: json.dumps(
        {"password": f"{name}/{stage}/{version}"} if name != "text" else "x"
    ),
)


@pytest.mark.parametrize(
    ("value", "resolved"),
    [
        ("{{resolve:ssm:/a}}-{{resolve:ssm:/b:2}}", "one-two"),
        ({"x": ["{{resolve:ssm-secure:/a}}", 1]}, {"x": ["one", 1]}),
        ("{{resolve:secretsmanager:db:SecretString:password}}", "db/None/None"),
        ("{{resolve:secretsmanager:db:SecretString:password:PREV}}", "db/PREV/None"),
        ("{{resolve:secretsmanager:text}}", '"x"'),
        ("{{other}}", "{{other}}"),
    ],
)
def test_dynamic_references(value: Any, resolved: Any) -> None:
    assert resolve(value, LOOKUPS) == resolved


def test_a_key_that_a_secret_has_not_is_named() -> None:
    with pytest.raises(ResourceFailed, match="JSONKey in SecretString: user"):
        resolve("{{resolve:secretsmanager:db:SecretString:user}}", LOOKUPS)


def test_rules_compare_whatever_way_ec2_groups_them() -> None:
    written = [
        {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "CidrIp": "10.0.0.0/8"},
        {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "CidrIp": "10.1.0.0/16",
            "Description": "d",
        },
        {"IpProtocol": "-1", "FromPort": 0, "ToPort": 0, "SourceSecurityGroupId": "sg-1"},
    ]
    told = [
        {
            "IpProtocol": "tcp",
            "FromPort": 22,
            "ToPort": 22,
            "IpRanges": [
                {"CidrIp": "10.0.0.0/8"},
                {"CidrIp": "10.1.0.0/16", "Description": "d"},
            ],
            "UserIdGroupPairs": [],
        },
        {"IpProtocol": "-1", "UserIdGroupPairs": [{"GroupId": "sg-1", "UserId": "0"}]},
    ]
    assert singles([permission(rule) for rule in written]) == singles(told)


def test_arguments_of_run_instances() -> None:
    wanted = Wanted(
        {
            "ImageId": "ami-1",
            "InstanceType": "t3.small",
            "IamInstanceProfile": "profile",
            "AvailabilityZone": "eu-west-1a",
            "Monitoring": True,
            "UserData": base64.b64encode(b"#!/bin/sh").decode(),
            "BlockDeviceMappings": [{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}}],
            "PropagateTagsToVolumeOnCreation": True,
            "DisableApiTermination": True,
        },
        {"a": "b", "aws:cloudformation:stack-name": "s"},
        "Machine",
        "s-Machine-X",
    )
    image = {"/dev/xvda": {"SnapshotId": "snap-1", "VolumeSize": 8, "VolumeType": "gp2"}}
    assert run_arguments(wanted, image) == {
        "MinCount": 1,
        "MaxCount": 1,
        "ImageId": "ami-1",
        "InstanceType": "t3.small",
        "IamInstanceProfile": {"Name": "profile"},
        "Placement": {"AvailabilityZone": "eu-west-1a"},
        "Monitoring": {"Enabled": True},
        "UserData": b"#!/bin/sh",
        "BlockDeviceMappings": [
            {
                "DeviceName": "/dev/xvda",
                "Ebs": {"Encrypted": True, "SnapshotId": "snap-1", "VolumeSize": 8},
            }
        ],
        "TagSpecifications": [
            {
                "ResourceType": "instance",
                "Tags": [
                    {"Key": "a", "Value": "b"},
                    {"Key": "aws:cloudformation:stack-name", "Value": "s"},
                ],
            },
            {"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]},
        ],
    }


def test_user_data_must_be_base64() -> None:
    with pytest.raises(ResourceFailed, match="wrap it in Fn::Base64"):
        user_data("#!/bin/sh")
