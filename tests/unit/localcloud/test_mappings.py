"""Which disks a launch gets."""

from __future__ import annotations

from provisimus.localcloud.hooks.mappings import launch_mappings, without_size

IMAGE = [
    {
        "DeviceName": "/dev/xvda",
        "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 8, "VolumeType": "gp3",
                "Encrypted": False, "DeleteOnTermination": True},
    }
]  # fmt: skip


def test_without_a_wish_the_image_decides():
    assert launch_mappings(IMAGE, []) == IMAGE


def test_a_wish_overlays_what_the_image_says():
    asked = [{"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": None}}]
    assert launch_mappings(IMAGE, asked) == [
        {"DeviceName": "/dev/xvda", "Ebs": {**IMAGE[0]["Ebs"], "VolumeSize": 20}}
    ]


def test_a_further_disk_comes_after_the_root():
    asked = [{"DeviceName": "/dev/sdf", "Ebs": {"VolumeSize": 5}, "NoDevice": None}]
    assert launch_mappings(IMAGE, asked)[1] == {
        "DeviceName": "/dev/sdf",
        "Ebs": {"VolumeSize": 5, "DeleteOnTermination": False, "Encrypted": False},
    }


def test_a_disk_can_be_left_out():
    image = [*IMAGE, {"DeviceName": "/dev/sdf", "Ebs": {"SnapshotId": "snap-2"}}]
    assert launch_mappings(image, [{"DeviceName": "/dev/sdf", "NoDevice": "", "Ebs": {}}]) == IMAGE


def test_an_ephemeral_disk_is_none():
    asked = [{"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0", "Ebs": {}}]
    assert launch_mappings(IMAGE, asked) == IMAGE


def test_a_device_of_the_image_needs_no_size_of_its_own():
    image = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": "snap-1", "VolumeSize": 8}}]
    asked = [
        {"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True}},
        {"DeviceName": "/dev/sdf", "Ebs": {"Encrypted": True}},
    ]
    merged = launch_mappings(image, asked)
    assert merged[0]["Ebs"]["SnapshotId"] == "snap-1"
    assert without_size(merged) == ["/dev/sdf"]
