"""What a machine does with its role's keys: settings, secrets, metrics, snapshots.

Every call is signed with the credentials of a session (X-Amz-Security-Token) and sent to the
address at which a machine reaches the API, as far as its Host header tells.
"""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .test_disks import MARK, has_mark, io
from .test_serving import eventually

ROLE = "arn:aws:iam::123456789012:role/greeter"
SPEAKS = bytes.fromhex("baf803b04beef4ebfd").ljust(510, b"\0") + b"\x55\xaa"
"""A boot sector that writes K to the first serial port and halts."""


@pytest.fixture
def cloud(shared_cloud):
    return shared_cloud


@pytest.fixture
def session(cloud):
    keys = cloud.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="i-1")["Credentials"]
    return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


@pytest.fixture
def client(cloud, session):
    def make(service):
        return boto3.client(
            service, endpoint_url=cloud.url, region_name="eu-west-1",
            aws_access_key_id=session.access_key, aws_secret_access_key=session.secret_key,
            aws_session_token=session.token,
        )  # fmt: skip

    return make


def query(cloud, session, service, body):
    """A request of the query protocol, signed as curl would from a machine."""
    headers = {
        "Host": f"172.31.0.2:{cloud.port}",
        "Content-Type": "application/x-www-form-urlencoded; charset=utf-8",
    }
    request = AWSRequest("POST", cloud.url, data=body, headers=headers)
    SigV4Auth(session, service, "eu-west-1").add_auth(request)
    return httpx.post(cloud.url, content=body, headers=dict(request.headers), timeout=20)


def test_settings_and_secrets_are_read(client):
    client("ssm").put_parameter(Name="/greeter/password", Value="shhh", Type="SecureString")
    found = client("ssm").get_parameter(Name="/greeter/password", WithDecryption=True)
    assert found["Parameter"]["Value"] == "shhh"
    client("secretsmanager").create_secret(Name="greeter/db", SecretString="hush")
    found = client("secretsmanager").get_secret_value(SecretId="greeter/db")
    assert found["SecretString"] == "hush"


def test_the_session_is_known(client):
    assert client("sts").get_caller_identity()["Arn"] == (
        "arn:aws:sts::123456789012:assumed-role/greeter/i-1"
    )


def test_metrics_are_put_and_read_back(cloud, session, client):
    now = datetime.now(UTC)
    put = (
        "Action=PutMetricData&Version=2010-08-01&Namespace=Provisimus&"
        "MetricData.member.1.MetricName=Healthy&MetricData.member.1.Value=0&"
        "MetricData.member.1.Unit=Count&MetricData.member.1.Dimensions.member.1.Name=InstanceId&"
        "MetricData.member.1.Dimensions.member.1.Value=i-1"
    )
    assert query(cloud, session, "monitoring", put).status_code == 200
    metrics = client("cloudwatch")
    dimensions = [{"Name": "InstanceId", "Value": "i-1"}]
    data = {"MetricName": "Healthy", "Value": 1.0, "Unit": "Count", "Dimensions": dimensions}
    metrics.put_metric_data(Namespace="Provisimus", MetricData=[data])
    read = metrics.get_metric_statistics(
        Namespace="Provisimus", MetricName="Healthy", Dimensions=dimensions,
        StartTime=now - timedelta(minutes=5), EndTime=now + timedelta(minutes=5), Period=3600,
        Statistics=["Minimum", "Average", "SampleCount"],
    )["Datapoints"]  # fmt: skip
    assert [(p["SampleCount"], p["Minimum"], p["Average"]) for p in read] == [(2.0, 0.0, 0.5)]


def test_a_signal_signed_with_the_roles_keys_reaches_cloudformation(cloud, session):
    signal = (
        "Action=SignalResource&Version=2010-05-15&StackName=greeter&LogicalResourceId=Instance&"
        "UniqueId=i-1&Status=SUCCESS"
    )
    answer = query(cloud, session, "cloudformation", signal)
    assert answer.status_code == 400
    assert "Stack with id greeter does not exist" in answer.text


@pytest.fixture
def instance(cloud, client):
    """Running, with a disk from which it says one letter, and a data volume with a mark."""
    ec2 = client("ec2")
    zone = "eu-west-1a"
    root = ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"]
    (cloud.directory / "sector").write_bytes(SPEAKS)
    io(cloud, root, f"write -s {cloud.directory}/sector 0 512")
    snapshot = ec2.create_snapshot(VolumeId=root)["SnapshotId"]
    image = ec2.register_image(
        Name="empty", RootDeviceName="/dev/xvda", Architecture="x86_64",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
    )["ImageId"]  # fmt: skip
    made = ec2.run_instances(
        ImageId=image, MinCount=1, MaxCount=1, InstanceType="t3.nano",
        Placement={"AvailabilityZone": zone},
    )["Instances"][0]["InstanceId"]  # fmt: skip
    data = ec2.create_volume(
        AvailabilityZone=zone, Size=1,
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "of", "Value": "data"}]}],
    )["VolumeId"]  # fmt: skip
    io(cloud, data, f"write -P {MARK} 0 64k")

    def state():
        found = ec2.describe_instances(InstanceIds=[made])
        return found["Reservations"][0]["Instances"][0]["State"]["Name"]

    eventually(lambda: state() == "running", 60)
    ec2.attach_volume(VolumeId=data, InstanceId=made, Device="/dev/sdf")

    def attachment():
        return ec2.describe_volumes(VolumeIds=[data])["Volumes"][0]["Attachments"][0]["State"]

    eventually(lambda: attachment() == "attached", 60)
    # What goes with its disks is switched off: nothing in the machine would hear the button.
    ec2.modify_instance_attribute(
        InstanceId=made,
        BlockDeviceMappings=[{"DeviceName": "/dev/sdf", "Ebs": {"DeleteOnTermination": True}}],
    )
    yield made, data
    ec2.terminate_instances(InstanceIds=[made])
    eventually(lambda: state() == "terminated", 60)


@pytest.mark.timeout(240)
def test_an_instances_volumes_are_snapshot_together(cloud, client, instance):
    ec2 = client("ec2")
    identifier, data = instance
    tags = [{"ResourceType": "snapshot", "Tags": [{"Key": "by", "Value": "me"}]}]
    both = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": identifier}, TagSpecifications=tags
    )["Snapshots"]
    assert len(both) == 2
    only_data = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": identifier, "ExcludeBootVolume": True},
        Description="data", TagSpecifications=tags, CopyTagsFromSource="volume",
    )["Snapshots"]  # fmt: skip
    assert [(each["VolumeId"], each["Description"]) for each in only_data] == [(data, "data")]
    named = [{"Name": "tag:by", "Values": ["me"]}, {"Name": "volume-id", "Values": [data]}]
    found = ec2.describe_snapshots(OwnerIds=["self"], Filters=named)["Snapshots"]
    assert len(found) == 2
    assert {tag["Key"] for tag in found[-1]["Tags"]} == {"by", "of"}
    assert ec2.describe_snapshots(OwnerIds=["999999999999"])["Snapshots"] == []

    for snapshot in found:
        copy = ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=snapshot["SnapshotId"])[
            "VolumeId"
        ]
        assert has_mark(cloud, copy)
        ec2.delete_volume(VolumeId=copy)
        ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])
    assert not ec2.describe_snapshots(Filters=named)["Snapshots"]
    # The machine goes on in the newest layer, under which the deleted snapshots are kept.
    info = subprocess.run(
        ("qemu-img", "info", "-U", str(cloud.directory / "disks" / f"{data}.qcow2")),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "backing file: snap-" in info.stdout


def test_a_policy_of_awss_own_is_known_by_its_arn(cloud):
    """AttachRolePolicy, GetPolicy; the role of a machine that Systems Manager manages."""
    iam, arn = cloud.client("iam"), "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    for name in (arn, "arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"):
        assert iam.get_policy(PolicyArn=name)["Policy"]["Arn"] == name
    iam.create_role(RoleName="managed", AssumeRolePolicyDocument="{}")
    iam.attach_role_policy(RoleName="managed", PolicyArn=arn)
    told = iam.list_attached_role_policies(RoleName="managed")["AttachedPolicies"]
    assert [each["PolicyArn"] for each in told] == [arn]
    for wrong in (
        "arn:aws:iam::aws:policy/NoSuchThing",
        "arn:aws:iam::aws:policy/AWSDataLifecycleManagerServiceRole",  # without its path
    ):
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.attach_role_policy(RoleName="managed", PolicyArn=wrong)


def test_a_boundary_is_a_policy_that_there_is(cloud):
    """CreateRole, PutRolePermissionsBoundary."""
    iam = cloud.client("iam")
    allow = {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    made = iam.create_policy(PolicyName="least", PolicyDocument=document)["Policy"]["Arn"]
    nobody = "arn:aws:iam::123456789012:policy/nobody"
    said = f"Scope ARN: {nobody} does not exist or is not attachable."
    with pytest.raises(iam.exceptions.NoSuchEntityException, match=said):
        iam.create_role(
            RoleName="bounded", AssumeRolePolicyDocument="{}", PermissionsBoundary=nobody
        )
    iam.create_role(RoleName="bounded", AssumeRolePolicyDocument="{}", PermissionsBoundary=made)
    with pytest.raises(iam.exceptions.NoSuchEntityException, match=said):
        iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=nobody)
    own = "arn:aws:iam::aws:policy/PowerUserAccess"
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=own)
    told = iam.get_role(RoleName="bounded")["Role"]["PermissionsBoundary"]
    assert told["PermissionsBoundaryArn"] == own
