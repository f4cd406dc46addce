"""Volumes, snapshots and images as real disks, without a machine."""

from __future__ import annotations

import subprocess

import pytest
from botocore.exceptions import ClientError

MARK = "0xa5"


def disk(cloud, identifier):
    return cloud.directory / "disks" / f"{identifier}.qcow2"


def io(cloud, volume, command):
    done = subprocess.run(
        ("qemu-io", "-f", "qcow2", "-c", command, str(disk(cloud, volume))),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout


def has_mark(cloud, volume):
    return "Pattern verification failed" not in io(cloud, volume, f"read -P {MARK} 0 64k")


@pytest.fixture(scope="module")
def cloud(shared_cloud):
    return shared_cloud


@pytest.fixture
def ec2(cloud):
    return cloud.client("ec2")


@pytest.fixture
def volume(cloud, ec2):
    made = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    io(cloud, made, f"write -P {MARK} 0 64k")
    return made


def test_a_snapshot_carries_the_data_and_the_volume_goes_on(cloud, ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    io(cloud, volume, "write -P 0x11 0 64k")
    copy = ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=snapshot, Size=2)["VolumeId"]
    assert has_mark(cloud, copy)
    assert not has_mark(cloud, volume)


def test_a_snapshot_beneath_a_volume_may_be_deleted(cloud, ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    copy = ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=snapshot)["VolumeId"]
    ec2.delete_volume(VolumeId=volume)
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert has_mark(cloud, copy)
    ec2.delete_volume(VolumeId=copy)
    assert not disk(cloud, snapshot).exists()


def test_a_copied_snapshot_outlives_its_source(cloud, ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    copied = ec2.copy_snapshot(SourceSnapshotId=snapshot, SourceRegion="eu-west-1")["SnapshotId"]
    ec2.delete_snapshot(SnapshotId=snapshot)
    back = ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=copied)["VolumeId"]
    assert has_mark(cloud, back)


def test_a_volume_smaller_than_its_snapshot_is_refused(ec2):
    large = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=3)["VolumeId"]
    snapshot = ec2.create_snapshot(VolumeId=large)["SnapshotId"]
    with pytest.raises(ClientError, match="expect size >= 3GB"):
        ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=snapshot, Size=2)


def test_an_unknown_snapshot_is_refused(ec2):
    with pytest.raises(ClientError, match="InvalidSnapshot"):
        ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId="snap-0123456789abcdef0")


def test_an_image_is_registered_from_a_snapshot(ec2, volume):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    image = ec2.register_image(
        Name="mine", RootDeviceName="/dev/xvda", Architecture="x86_64",
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
    )["ImageId"]  # fmt: skip
    found = ec2.describe_images(ImageIds=[image])["Images"][0]
    assert found["BlockDeviceMappings"][0]["Ebs"]["SnapshotId"] == snapshot
    assert found["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] == 1


def test_an_image_without_a_disk_is_refused(ec2):
    with pytest.raises(ClientError, match="only from a snapshot"):
        ec2.register_image(Name="nothing")


def test_a_kind_of_volume_that_there_is_not_is_refused(ec2, volume):
    before = volumes_of(ec2)
    for call in (
        lambda: ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1, VolumeType="nonsense"),
        lambda: ec2.modify_volume(VolumeId=volume, VolumeType="nonsense"),
    ):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            call()
    assert volumes_of(ec2) == before
    ec2.modify_volume(VolumeId=volume, VolumeType="gp3")


def volumes_of(ec2):
    return [each["VolumeId"] for each in ec2.describe_volumes()["Volumes"]]


@pytest.mark.parametrize("kind", ["t9.huge", "t4g.nano"])
def test_a_type_that_there_is_not_or_of_another_architecture_is_refused(ec2, volume, kind):
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    device = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}
    image = ec2.register_image(
        Name=f"image-{kind}", RootDeviceName="/dev/xvda", BlockDeviceMappings=[device],
        Architecture="x86_64",
    )["ImageId"]  # fmt: skip
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, InstanceType=kind)
    assert ec2.describe_instances()["Reservations"] == []
