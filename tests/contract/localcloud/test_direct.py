"""The EBS direct APIs, by "EBS direct APIs" in the EBS User Guide and its API reference."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.contract.blocks import BLOCK, ZEROS, A, B, put, read, refused, tokens, written
from tests.contract.localcloud.conftest import LocalCloud
from tests.contract.localcloud.test_serving import eventually


@pytest.fixture
def cloud(shared_cloud: LocalCloud) -> LocalCloud:
    return shared_cloud


@pytest.fixture
def direct(cloud: LocalCloud) -> Any:
    return cloud.client("ebs")


@pytest.fixture
def ec2(cloud: LocalCloud) -> Any:
    return cloud.client("ec2")


def block_of(cloud: LocalCloud, volume: str, index: int, folder: Path) -> bytes:
    raw = folder / f"{volume}.raw"
    if not raw.exists():
        disk = cloud.directory / "disks" / f"{volume}.qcow2"
        subprocess.run(("qemu-img", "convert", "-O", "raw", str(disk), str(raw)), check=True)
    with raw.open("rb") as file:
        file.seek(index * BLOCK)
        return file.read(BLOCK)


def test_what_is_put_is_what_a_volume_holds(
    cloud: LocalCloud, direct: Any, ec2: Any, tmp_path: Path
) -> None:
    snapshot = written(direct, {0: A, 7: ZEROS, 2047: B}, Description="by hand")
    assert sorted(tokens(direct, snapshot)) == [0, 7, 2047]
    assert [read(direct, snapshot, index) for index in (0, 7, 2047)] == [A, ZEROS, B]
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=snapshot)["VolumeId"]
    found = [block_of(cloud, volume, index, tmp_path) for index in (0, 1, 7, 2046, 2047, 2048)]
    assert found == [A, ZEROS, ZEROS, ZEROS, B, b""]
    [told] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    assert (told["State"], told["VolumeSize"], told["Description"]) == ("completed", 1, "by hand")
    disk = cloud.directory / "disks" / f"{snapshot}.qcow2"
    subprocess.run(("qemu-img", "check", "-q", str(disk)), check=True)


def test_a_child_has_its_parents_blocks_and_its_own(
    cloud: LocalCloud, direct: Any, ec2: Any, tmp_path: Path
) -> None:
    parent = written(direct, {0: A, 1: A, 2: A})
    child = written(direct, {1: ZEROS, 2: A, 3: B}, ParentSnapshotId=parent, VolumeSize=2)
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", SnapshotId=child)["VolumeId"]
    found = [block_of(cloud, volume, index, tmp_path) for index in range(4)]
    assert found == [A, ZEROS, A, B]

    told = direct.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)
    assert [each["BlockIndex"] for each in told["ChangedBlocks"]] == [1, 3]
    assert "FirstBlockToken" in told["ChangedBlocks"][0]
    assert "FirstBlockToken" not in told["ChangedBlocks"][1]
    assert told["VolumeSize"] == 2

    ec2.delete_snapshot(SnapshotId=parent)
    assert read(direct, child, 0) == A

    stranger = written(direct, {0: A})
    assert refused(
        direct.list_changed_blocks, FirstSnapshotId=stranger, SecondSnapshotId=child
    ) == ("ValidationException", "UNRELATED_SNAPSHOTS")


def test_snapshots_of_a_volume_are_read_in_pages(cloud: LocalCloud, direct: Any, ec2: Any) -> None:
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    disk = cloud.directory / "disks" / f"{volume}.qcow2"

    def snapshot_with(pattern: str) -> str:
        subprocess.run(("qemu-io", "-c", pattern, str(disk)), check=True, capture_output=True)
        return str(ec2.create_snapshot(VolumeId=volume)["SnapshotId"])

    first = snapshot_with("write -P 0x11 0 75M")
    second = snapshot_with("write -P 0x22 70M 64k")
    one = direct.list_snapshot_blocks(SnapshotId=second, MaxResults=100)
    two = direct.list_snapshot_blocks(SnapshotId=second, MaxResults=100, NextToken=one["NextToken"])
    indices = [each["BlockIndex"] for page in (one, two) for each in page["Blocks"]]
    assert indices == list(range(150))
    assert "NextToken" not in two
    [only] = direct.list_changed_blocks(FirstSnapshotId=first, SecondSnapshotId=second)[
        "ChangedBlocks"
    ]
    assert only["BlockIndex"] == 140
    block = read(direct, second, 140)
    assert (block[:65536], block[65536:]) == (b"\x22" * 65536, b"\x11" * (BLOCK - 65536))


def test_a_snapshot_begun_before_a_kill_is_finished_after_it(
    stopped_cloud: LocalCloud,
) -> None:
    cloud = stopped_cloud
    cloud.start()
    direct = cloud.client("ebs")
    begun = direct.start_snapshot(VolumeSize=1)["SnapshotId"]
    put(direct, begun, 3, A)
    eventually(lambda: cloud.status()["saved"])
    put(direct, begun, 4, B)
    cloud.kill()
    cloud.start()
    direct = cloud.client("ebs")
    put(direct, begun, 5, ZEROS)
    direct.complete_snapshot(SnapshotId=begun, ChangedBlocksCount=3)
    assert [read(direct, begun, index) for index in (3, 4, 5)] == [A, B, ZEROS]
