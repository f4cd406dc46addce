"""Volumes, snapshots and images, as EC2's API has them."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import follows, operation

ERRORS = follows(
    "EC2 API reference, Error codes for the Amazon EC2 API",
    "AWSEC2/latest/APIReference/errors-overview.html",
)


def volume(world: Any, **given: Any) -> str:
    made = world.ec2.create_volume(
        **{"AvailabilityZone": world.zones[0], "TagSpecifications": world.tags("volume"), **given}
    )["VolumeId"]
    world.kept(world.ec2.delete_volume, VolumeId=made)
    world.until(
        lambda: world.ec2.describe_volumes(VolumeIds=[made])["Volumes"][0]["State"] == "available"
    )
    return str(made)


def snapshot(world: Any, of: str) -> str:
    made = world.ec2.create_snapshot(VolumeId=of, TagSpecifications=world.tags("snapshot"))
    world.kept(world.ec2.delete_snapshot, SnapshotId=made["SnapshotId"])
    world.until(
        lambda: (
            world.ec2.describe_snapshots(SnapshotIds=[made["SnapshotId"]])["Snapshots"][0]["State"]
            == "completed"
        )
    )
    return str(made["SnapshotId"])


@operation("EC2", "CreateVolume")
@operation("EC2", "CreateSnapshot")
def test_a_snapshot_keeps_its_size_when_the_volume_grows(world: Any) -> None:
    ec2, source = world.ec2, volume(world, Size=1)
    taken = snapshot(world, source)
    ec2.modify_volume(VolumeId=source, Size=3)
    told = ec2.describe_snapshots(SnapshotIds=[taken])["Snapshots"][0]
    assert (told["VolumeSize"], told["VolumeId"]) == (1, source)
    made = ec2.describe_volumes(VolumeIds=[volume(world, SnapshotId=taken)])["Volumes"][0]
    assert (made["Size"], made["SnapshotId"]) == (1, taken)


@operation("EC2", "CreateVolume")
@ERRORS
@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"Size": 1, "AvailabilityZone": "nowhere-1a"}, "InvalidZone.NotFound"),
        ({"Size": 1, "VolumeType": "nonsense"}, "InvalidParameterValue"),
        ({"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ({}, "MissingParameter"),
    ],
)
def test_no_volume_is_made_of_this(world: Any, given: dict[str, Any], code: str) -> None:
    asked = {"AvailabilityZone": world.zones[0], **given}
    assert refused(world.ec2.create_volume, **asked)[0] == code


@operation("EC2", "CreateVolume")
def test_a_volume_smaller_than_its_snapshot_is_refused(world: Any) -> None:
    taken = snapshot(world, volume(world, Size=2))
    message = refused(
        world.ec2.create_volume, AvailabilityZone=world.zones[0], SnapshotId=taken, Size=1
    )[1]
    assert f"is smaller than snapshot '{taken}', expect size >= 2GB" in message


@operation("EC2", "ModifyVolume")
def test_a_volume_does_not_shrink_and_has_a_type_that_there_is(world: Any) -> None:
    made = volume(world, Size=2, VolumeType="gp2")
    modify = world.ec2.modify_volume
    assert refused(modify, VolumeId=made, Size=1)[0] == "InvalidParameterValue"
    assert refused(modify, VolumeId=made, VolumeType="nonsense")[0] == "InvalidParameterValue"
    told = modify(VolumeId=made, VolumeType="gp3", Size=3)["VolumeModification"]
    assert (told["OriginalSize"], told["TargetSize"], told["TargetVolumeType"]) == (2, 3, "gp3")
    assert refused(modify, VolumeId="vol-0123456789abcdef0", Size=9)[0] == "InvalidVolume.NotFound"


@operation("EC2", "RegisterImage")
@operation("EC2", "DeregisterImage")
def test_an_image_is_registered_from_a_snapshot_and_holds_it(world: Any) -> None:
    ec2 = world.ec2
    taken = snapshot(world, volume(world, Size=1))
    image = world.image(taken)
    world.until(lambda: ec2.describe_images(ImageIds=[image])["Images"][0]["State"] == "available")
    found = ec2.describe_images(ImageIds=[image])["Images"][0]
    [root] = found["BlockDeviceMappings"]
    assert (root["DeviceName"], root["Ebs"]["SnapshotId"]) == ("/dev/xvda", taken)
    assert (root["Ebs"]["VolumeSize"], found["RootDeviceType"]) == (1, "ebs")
    assert (found["OwnerId"], found["Public"]) == (world.account, False)
    assert refused(ec2.delete_snapshot, SnapshotId=taken)[0] == "InvalidSnapshot.InUse"
    device = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": taken}}
    again = {"Name": found["Name"], "RootDeviceName": "/dev/xvda", "BlockDeviceMappings": [device]}
    assert refused(ec2.register_image, **again)[0] == "InvalidAMIName.Duplicate"
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=taken)
    assert refused(ec2.describe_snapshots, SnapshotIds=[taken])[0] == "InvalidSnapshot.NotFound"


@operation("EC2", "CopySnapshot")
def test_a_copied_snapshot_outlives_its_source(world: Any) -> None:
    ec2, taken = world.ec2, snapshot(world, volume(world, Size=1))
    copied = ec2.copy_snapshot(SourceSnapshotId=taken, SourceRegion=world.region)["SnapshotId"]
    world.kept(ec2.delete_snapshot, SnapshotId=copied)
    world.until(
        lambda: ec2.describe_snapshots(SnapshotIds=[copied])["Snapshots"][0]["State"] == "completed"
    )
    ec2.delete_snapshot(SnapshotId=taken)
    assert volume(world, SnapshotId=copied)


@ERRORS
@pytest.mark.parametrize(
    ("call", "given", "code"),
    [
        ("describe_images", {"ImageIds": ["ami-0123456789abcdef0"]}, "InvalidAMIID.NotFound"),
        ("describe_images", {"ImageIds": ["nonsense"]}, "InvalidAMIID.Malformed"),
        ("deregister_image", {"ImageId": "ami-0123456789abcdef0"}, "InvalidAMIID.NotFound"),
        ("describe_volumes", {"VolumeIds": ["vol-0123456789abcdef0"]}, "InvalidVolume.NotFound"),
        ("delete_snapshot", {"SnapshotId": "snap-0123456789abcdef0"}, "InvalidSnapshot.NotFound"),
        ("create_snapshot", {"VolumeId": "vol-0123456789abcdef0"}, "InvalidVolume.NotFound"),
        (
            "create_image",
            {"InstanceId": "i-0123456789abcdef0", "Name": "nothing"},
            "InvalidInstanceID.NotFound",
        ),
    ],
)
def test_what_there_is_not(world: Any, call: str, given: dict[str, Any], code: str) -> None:
    assert refused(getattr(world.ec2, call), **given)[0] == code
