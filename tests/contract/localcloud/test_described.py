"""From what moto knows of an instance to what its metadata service says."""

from __future__ import annotations

import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.hooks.metadata import MetadataService
from provisimus.localcloud.metadata.description import Credentials, Disk, Group, Options
from provisimus.localcloud.metadata.service import LONGEST_TTL


@pytest.fixture(scope="module")
def aws():
    """Clients of a moto server in this process, whose models can be looked at from here."""
    from moto.moto_server.werkzeug_app import (
        DomainDispatcherApplication,
        MotoRequestHandler,
        create_backend_app,
    )
    from werkzeug.serving import make_server

    server = make_server(
        "127.0.0.1",
        0,
        DomainDispatcherApplication(create_backend_app),
        threaded=True,
        request_handler=type("Quiet", (MotoRequestHandler,), {"log_request": lambda *_, **__: 0}),
    )
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()

    def client(service, **keys):
        keys = keys or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        url = f"http://127.0.0.1:{server.server_port}"
        return boto3.client(service, endpoint_url=url, region_name="eu-west-1", **keys)

    yield client
    server.shutdown()
    serving.join()


@pytest.fixture(scope="module")
def account(aws):
    return aws("sts").get_caller_identity()["Account"]


@pytest.fixture
def service(account):
    # What is described comes from records alone: none of the rest is asked.
    rest = dict.fromkeys(("layout", "machines", "disks", "networks", "servers", "objects"))
    return MetadataService(
        Cloud(**rest, port=4800, account=account, region="eu-west-1", changed=lambda: None)
    )


def name(what):
    return f"{what}-{uuid.uuid4().hex[:8]}"


def make_role(aws):
    role, iam = name("role"), aws("iam")
    iam.create_role(RoleName=role, AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName=role)
    iam.add_role_to_instance_profile(InstanceProfileName=role, RoleName=role)
    return role


def launch(aws, **more):
    ec2 = aws("ec2")
    image = ec2.register_image(Name=name("image"))["ImageId"]
    subnet = ec2.describe_subnets()["Subnets"][0]["SubnetId"]
    return ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.small", SubnetId=subnet, **more
    )["Instances"][0]["InstanceId"]  # fmt: skip


def test_an_instance_as_its_metadata_service_tells_it(aws, account, service):
    ec2 = aws("ec2")
    web, me = name("web"), name("me")
    group = ec2.create_security_group(GroupName=web, Description="web")["GroupId"]
    ec2.create_key_pair(KeyName=me)
    identifier = launch(
        aws, SecurityGroupIds=[group], KeyName=me, UserData=b"\x00\xffdata",
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
    assert (described.reservation, described.account) == (known["ReservationId"], account)
    assert (described.hostname, described.zone) == (
        told["PrivateDnsName"], told["Placement"]["AvailabilityZone"],
    )  # fmt: skip
    assert (network.private_address, network.subnet, network.vpc) == (
        told["PrivateIpAddress"], told["SubnetId"], told["VpcId"],
    )  # fmt: skip
    assert (network.mac, network.groups) == (
        told["NetworkInterfaces"][0]["MacAddress"], (Group(group, web),),
    )  # fmt: skip
    assert described.options == Options(tokens_required=True, hop_limit=2, tags=True)
    assert described.tags == (("Name", "g"),)
    (key,) = described.keys
    assert (key.name, key.material.split()[0]) == (me, "ssh-rsa")
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


def test_the_keys_are_a_session_of_the_role(aws, account, service):
    role = make_role(aws)
    identifier = launch(aws, IamInstanceProfile={"Name": role})
    profile = service.describe(identifier).profile
    assert (profile.role, profile.arn) == (
        role, f"arn:aws:iam::{account}:instance-profile/{role}",
    )  # fmt: skip
    keys = profile.credentials
    caller = aws(
        "sts", aws_access_key_id=keys.access_key, aws_secret_access_key=keys.secret_key,
        aws_session_token=keys.token,
    ).get_caller_identity()  # fmt: skip
    assert caller["Arn"] == f"arn:aws:sts::{account}:assumed-role/{role}/{identifier}"
    assert timedelta(hours=5) < keys.until - datetime.now(UTC) <= timedelta(seconds=LONGEST_TTL)
    assert service.describe(identifier).profile.credentials == keys


def test_keys_are_renewed_before_they_expire(aws, service):
    identifier = launch(aws, IamInstanceProfile={"Name": make_role(aws)})
    first: Credentials = service.describe(identifier).profile.credentials
    for held in service._keys:
        service._keys[held] = replace(first, until=datetime.now(UTC) + timedelta(minutes=29))
    assert service.describe(identifier).profile.credentials.access_key != first.access_key


def test_another_role_has_other_keys(aws, service):
    ec2 = aws("ec2")
    one, other = make_role(aws), make_role(aws)
    identifier = launch(aws, IamInstanceProfile={"Name": one})
    first = service.describe(identifier).profile
    association = ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [identifier]}]
    )["IamInstanceProfileAssociations"][0]["AssociationId"]
    ec2.replace_iam_instance_profile_association(
        AssociationId=association, IamInstanceProfile={"Name": other}
    )
    second = service.describe(identifier).profile
    assert (first.role, second.role) == (one, other)
    assert first.credentials != second.credentials


def test_what_is_asked_is_answered(aws, service):
    identifier = launch(aws, UserData=b"hello")
    answer = service.exchange(identifier, b"GET /latest/user-data HTTP/1.1\r\n\r\n")
    assert answer.content.endswith(b"\r\n\r\nhello")
