"""From what moto knows of an instance to what its metadata service says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.hooks.metadata import MetadataService
from provisimus.localcloud.metadata.description import Credentials, Disk, Group, Options
from provisimus.localcloud.metadata.service import LONGEST_TTL

ACCOUNT = "123456789012"


@pytest.fixture
def aws(monkeypatch):
    for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        yield boto3.client


@pytest.fixture
def service():
    changed = []
    return MetadataService(
        Cloud(None, None, None, 4800, ACCOUNT, "eu-west-1", lambda: changed.append(1))
    )


def give_role(aws, name="greeter"):
    iam = aws("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)


def launch(aws, **more):
    ec2 = aws("ec2")
    image = ec2.describe_images()["Images"][0]["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    return ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.small", SubnetId=subnet, **more
    )["Instances"][0]["InstanceId"]  # fmt: skip


def test_an_instance_as_its_metadata_service_tells_it(aws, service):
    ec2 = aws("ec2")
    group = ec2.create_security_group(GroupName="web", Description="web")["GroupId"]
    ec2.create_key_pair(KeyName="me")
    identifier = launch(
        aws, SecurityGroupIds=[group], KeyName="me", UserData=b"\x00\xffdata",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "g"}]}],
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 2,
                         "InstanceMetadataTags": "enabled"},
    )  # fmt: skip
    known = ec2.describe_instances(InstanceIds=[identifier])["Reservations"][0]
    told, described = known["Instances"][0], service.describe(identifier)
    network = described.network
    assert (described.instance, described.image, described.type) == (
        identifier, told["ImageId"], "t3.small",
    )  # fmt: skip
    assert (described.reservation, described.account) == (known["ReservationId"], ACCOUNT)
    assert (described.hostname, described.zone) == (
        told["PrivateDnsName"], told["Placement"]["AvailabilityZone"],
    )  # fmt: skip
    assert (network.private_address, network.subnet, network.vpc) == (
        told["PrivateIpAddress"], told["SubnetId"], told["VpcId"],
    )  # fmt: skip
    assert (network.mac, network.groups) == (
        told["NetworkInterfaces"][0]["MacAddress"], (Group(group, "web"),),
    )  # fmt: skip
    assert described.options == Options(tokens_required=True, hop_limit=2, tags=True)
    assert described.tags == (("Name", "g"),)
    (key,) = described.keys
    assert (key.name, key.material.split()[0]) == ("me", "ssh-rsa")
    assert described.disks == (Disk(told["RootDeviceName"], root=True),)
    assert described.user_data == b"\x00\xffdata"
    assert described.profile is None
    subnet = ec2.describe_subnets(SubnetIds=[told["SubnetId"]])["Subnets"][0]["CidrBlock"]
    assert described.endpoint == f"http://{subnet.split('/')[0].removesuffix('0')}2:4800"
    assert described.since.replace(microsecond=0) == told["LaunchTime"]


def test_changed_options_are_told_at_once(aws, service):
    identifier = launch(aws)
    assert service.describe(identifier).options == Options()
    aws("ec2").modify_instance_metadata_options(InstanceId=identifier, HttpEndpoint="disabled")
    assert not service.describe(identifier).options.enabled


def test_the_keys_are_a_session_of_the_role(aws, service):
    give_role(aws)
    identifier = launch(aws, IamInstanceProfile={"Name": "greeter"})
    profile = service.describe(identifier).profile
    assert (profile.role, profile.arn) == (
        "greeter", f"arn:aws:iam::{ACCOUNT}:instance-profile/greeter",
    )  # fmt: skip
    keys = profile.credentials
    caller = aws(
        "sts", aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
    ).get_caller_identity()  # fmt: skip
    assert caller["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/greeter/{identifier}"
    assert timedelta(hours=5) < keys.until - datetime.now(UTC) <= timedelta(seconds=LONGEST_TTL)
    assert service.describe(identifier).profile.credentials == keys


def test_keys_are_renewed_before_they_expire(aws, service):
    give_role(aws)
    identifier = launch(aws, IamInstanceProfile={"Name": "greeter"})
    first: Credentials = service.describe(identifier).profile.credentials
    for name in service._keys:
        service._keys[name] = replace(first, until=datetime.now(UTC) + timedelta(minutes=29))
    assert service.describe(identifier).profile.credentials.access_key != first.access_key


def test_another_role_has_other_keys(aws, service):
    ec2 = aws("ec2")
    give_role(aws)
    give_role(aws, "other")
    identifier = launch(aws, IamInstanceProfile={"Name": "greeter"})
    first = service.describe(identifier).profile
    association = ec2.describe_iam_instance_profile_associations()[
        "IamInstanceProfileAssociations"
    ][0]["AssociationId"]
    ec2.replace_iam_instance_profile_association(
        AssociationId=association, IamInstanceProfile={"Name": "other"}
    )
    second = service.describe(identifier).profile
    assert (first.role, second.role) == ("greeter", "other")
    assert first.credentials != second.credentials


def test_what_is_asked_is_answered(aws, service):
    identifier = launch(aws, UserData=b"hello")
    answer = service.exchange(identifier, b"GET /latest/user-data HTTP/1.1\r\n\r\n")
    assert answer.content.endswith(b"\r\n\r\nhello")
