"""Real machines behind the EC2 API: what boto3 asks for happens, and data outlives what it should.

One tiny machine at a time.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import ClientError
from tests.rehearsal.tiny import (
    Cloud,
    Instance,
    allow,
    eventually,
    launching,
    open_cloud,
    permissions,
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with open_cloud(tmp_path_factory) as made:
        yield made


@pytest.fixture
def launch(cloud: Cloud) -> Iterator[Callable[..., Instance]]:
    with launching(cloud) as run:
        yield run


def make_volume(cloud: Cloud, instance: Instance) -> str:
    zone = instance.described()["Placement"]["AvailabilityZone"]
    return str(cloud.ec2.create_volume(AvailabilityZone=zone, Size=1)["VolumeId"])


def volume_state(cloud: Cloud, volume: str) -> str:
    return str(cloud.ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"])


def disk_size(cloud: Cloud, volume: str) -> int:
    """What a guest sees, in GiB, from the header (docs/interop/qcow2.txt)."""
    header = (cloud.directory / "disks" / f"{volume}.qcow2").read_bytes()[:32]
    return int.from_bytes(header[24:32], "big") // 1024**3


def test_an_instance_is_a_machine_that_knows_itself(cloud, launch):
    instance = launch(UserData="hello from the caller")
    text = eventually(lambda: instance.get("/"), "it did not answer")
    assert text.splitlines() == [f"instance {instance.identifier}", "hello from the caller"]
    assert instance.get("/health").strip() == "ok"
    assert f"tiny: serving as {instance.identifier}" in instance.console()
    described = instance.described()
    interface = described["NetworkInterfaces"][0]
    assert interface["Association"]["PublicIp"] == described["PublicIpAddress"]
    assert f"lease of {described['PrivateIpAddress']} obtained" in instance.console()
    listed = cloud.status()["instances"]
    assert [entry["state"] for entry in listed] == ["running"]
    user = Path(f"/proc/{listed[0]['pid']}/status").read_text()
    assert "\nUid:\t0\t" not in user or os.geteuid() != 0


def test_a_machine_asks_for_its_identity_its_keys_and_the_api(cloud, launch):
    role = cloud.make_role()
    instance = launch(
        UserData="hello from the caller",
        IamInstanceProfile={"Name": role},
        MetadataOptions={"HttpTokens": "required", "InstanceMetadataTags": "enabled"},
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}],
    )
    eventually(lambda: instance.get("/health"), "it did not answer")
    assert instance.ask("/latest/meta-data/instance-id") == instance.identifier
    assert instance.ask("/latest/meta-data/public-ipv4") == instance.described()["PublicIpAddress"]
    assert instance.ask("/latest/meta-data/tags/instance/a") == "b"
    assert instance.ask("/latest/user-data") == "hello from the caller"
    assert "404 Not Found" in instance.ask("/latest/nonsense")
    assert "401 Unauthorized" in instance.ask("http://169.254.169.254/latest/meta-data/")

    keys = json.loads(instance.ask(f"/latest/meta-data/iam/security-credentials/{role}"))
    caller = cloud.client(
        "sts", aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["Token"],
    ).get_caller_identity()  # fmt: skip
    assert caller["Arn"].endswith(f"assumed-role/{role}/{instance.identifier}")

    api = instance.ask("/latest/meta-data/services/endpoint-url")
    assert "refused" not in instance.ask(f"{api}/")
    assert "403 Forbidden" in instance.ask(f"{api}/_localcloud/status")
    cloud.ec2.modify_instance_metadata_options(
        InstanceId=instance.identifier, HttpPutResponseHopLimit=2
    )
    assert instance.described()["MetadataOptions"]["HttpTokens"] == "required"
    cloud.ec2.modify_instance_metadata_options(
        InstanceId=instance.identifier, HttpEndpoint="disabled"
    )
    assert "403 Forbidden" in instance.ask("/latest/meta-data/instance-id")
    assert cloud.status()["ready"]


def test_only_what_a_security_group_opens_is_reached_while_it_runs(cloud, launch):
    instance = launch(ports=())
    eventually(lambda: "serving" in instance.console(), "it did not boot")
    assert instance.get("/health") is None
    allow(cloud, instance.group, 8080)
    assert eventually(lambda: instance.get("/health"), "the port did not open", 20)
    cloud.ec2.revoke_security_group_ingress(GroupId=instance.group, IpPermissions=permissions(8080))
    eventually(lambda: instance.get("/health") is None, "the port did not close", 20)


def test_a_volume_is_plugged_in_and_out_and_outlives_its_instance(cloud, launch):
    ec2 = cloud.ec2
    first = launch()
    eventually(lambda: first.get("/health"), "it did not answer")
    volume = make_volume(cloud, first)
    ec2.attach_volume(VolumeId=volume, InstanceId=first.identifier, Device="/dev/sdf")
    eventually(lambda: first.boots() == 1, "the volume was not mounted")

    with pytest.raises(ClientError, match="VolumeInUse"):
        ec2.attach_volume(VolumeId=volume, InstanceId=first.identifier, Device="/dev/sdg")
    with pytest.raises(ClientError, match="VolumeInUse"):
        ec2.delete_volume(VolumeId=volume)

    ec2.detach_volume(VolumeId=volume)
    eventually(lambda: volume_state(cloud, volume) == "available", "it was not released")
    # Linux refuses an NVMe disk while it still has one of the same serial number in use.
    eventually(lambda: "tiny: unmounted" in first.console(), "the guest did not let go of it")
    ec2.attach_volume(VolumeId=volume, InstanceId=first.identifier, Device="/dev/sdf")
    eventually(lambda: first.boots() == 2, "the volume was not mounted again")

    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    ec2.terminate_instances(InstanceIds=[first.identifier])
    first.reach("terminated")
    assert volume_state(cloud, volume) == "available"

    restored = ec2.create_volume(
        AvailabilityZone=first.described()["Placement"]["AvailabilityZone"], SnapshotId=snapshot
    )["VolumeId"]
    second = launch()
    ec2.attach_volume(VolumeId=restored, InstanceId=second.identifier, Device="/dev/sdf")
    eventually(lambda: second.boots() == 3, "the snapshot did not carry the data")
    assert first.identifier in second.get("/data/boots")


def test_stop_image_start_and_reboot(cloud, launch):
    ec2 = cloud.ec2
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")
    volume = make_volume(cloud, instance)
    ec2.attach_volume(VolumeId=volume, InstanceId=instance.identifier, Device="/dev/sdf")
    eventually(lambda: instance.boots() == 1, "the volume was not mounted")
    # A volume in use may grow; the machine has the new size when it is switched on again.
    ec2.modify_volume(VolumeId=volume, Size=2)
    assert ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["Size"] == 2
    assert disk_size(cloud, volume) == 1

    began = time.monotonic()
    ec2.stop_instances(InstanceIds=[instance.identifier])
    assert instance.state() == "stopping"
    instance.reach("stopped")
    assert time.monotonic() - began < 29, "the guest did not power down by itself"

    image = ec2.create_image(InstanceId=instance.identifier, Name="of-a-stopped-one")["ImageId"]
    eventually(
        lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available",
        "the image was not made",
    )
    ec2.start_instances(InstanceIds=[instance.identifier])
    eventually(lambda: instance.boots() == 2, "it did not come up again with its volume")
    assert disk_size(cloud, volume) == 2
    ec2.reboot_instances(InstanceIds=[instance.identifier])
    eventually(lambda: instance.boots() == 3, "it did not reboot")
    ec2.terminate_instances(InstanceIds=[instance.identifier])
    instance.reach("terminated")

    # The image carries both disks: the new instance finds the data as it was when it was made.
    copy = launch(image=image)
    eventually(lambda: copy.boots() == 2, "the image did not carry the data volume")
    assert copy.get("/data/boots").splitlines() == [instance.identifier, copy.identifier]


def test_killed_the_cloud_comes_back_with_its_instance(cloud, launch):
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")
    volume = make_volume(cloud, instance)
    cloud.ec2.attach_volume(VolumeId=volume, InstanceId=instance.identifier, Device="/dev/sdf")
    eventually(lambda: instance.boots() == 1, "the volume was not mounted")
    before = instance.described()
    eventually(lambda: cloud.status()["saved"], "the state was not saved", 20)
    machine = cloud.status()["instances"][0]["pid"]
    cloud.process.kill()
    cloud.process.wait(10)
    eventually(lambda: not Path(f"/proc/{machine}").exists(), "the machine outlived it", 20)

    cloud.start()
    eventually(lambda: instance.boots() == 2, "the instance did not come back with its volume")
    after = instance.described()
    for key in ("PublicIpAddress", "PrivateIpAddress"):
        assert after[key] == before[key]


def test_a_machine_that_crashes_is_recovered(cloud, launch):
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")
    before = instance.described()["PublicIpAddress"]
    os.kill(cloud.status()["instances"][0]["pid"], signal.SIGSEGV)
    eventually(lambda: instance.get("/health") is None, "it still answered", 20)
    eventually(lambda: instance.get("/health"), "it was not recovered")
    assert instance.state() == "running"
    assert instance.described()["PublicIpAddress"] == before


def test_a_machine_that_hangs_fails_its_status_check_until_it_goes_on(cloud, launch):
    """EC2 User Guide, "Status checks for Amazon EC2 instances": a frozen guest fails its own."""
    instance = launch()
    eventually(lambda: instance.get("/health"), "it did not answer")

    def checks():
        told = cloud.ec2.describe_instance_status(InstanceIds=[instance.identifier])
        (found,) = told["InstanceStatuses"]
        return found["InstanceStatus"]["Status"], found["SystemStatus"]["Status"]

    assert checks() == ("ok", "ok")
    hang = f"{cloud.url}/_localcloud/instances/{instance.identifier}/hang"
    assert httpx.post(hang, timeout=20).json()["hangs"] is True
    assert instance.get("/health") is None
    assert checks() == ("impaired", "ok")
    httpx.delete(hang, timeout=20)
    eventually(lambda: instance.get("/health"), "it did not go on")
    assert checks() == ("ok", "ok")
