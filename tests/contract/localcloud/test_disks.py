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


def test_an_image_without_a_disk_is_refused(ec2):
    with pytest.raises(ClientError, match="only from a snapshot"):
        ec2.register_image(Name="nothing")
