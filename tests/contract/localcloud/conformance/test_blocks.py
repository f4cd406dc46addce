"""The EBS direct APIs: blocks with their checksums, and lineage."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.blocks import ZEROS, A, B, b64, put, read, refused, sha, tokens, written
from tests.contract.localcloud.conformance.documentation import operation


@pytest.fixture
def direct(world: Any) -> Any:
    """The API; every snapshot that it begins goes again."""
    client = world.client("ebs")

    class Keeping:
        def __getattr__(self, name: str) -> Any:
            return getattr(client, name)

        def start_snapshot(self, **given: Any) -> Any:
            made = client.start_snapshot(**given)
            world.kept(world.ec2.delete_snapshot, SnapshotId=made["SnapshotId"])
            return made

    return Keeping()


@pytest.fixture
def ec2(world: Any) -> Any:
    return world.ec2


@operation("EBS direct", "PutSnapshotBlock")
@operation("EBS direct", "GetSnapshotBlock")
def test_what_is_put_is_read_back(direct: Any, ec2: Any) -> None:
    snapshot = written(direct, {0: A, 7: ZEROS, 2047: B}, Description="by hand")
    assert sorted(tokens(direct, snapshot)) == [0, 7, 2047]
    assert [read(direct, snapshot, index) for index in (0, 7, 2047)] == [A, ZEROS, B]
    [told] = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"]
    assert (told["State"], told["VolumeSize"], told["Description"]) == ("completed", 1, "by hand")


@operation("EBS direct", "StartSnapshot")
@operation("EBS direct", "ListChangedBlocks")
def test_a_child_has_its_parents_blocks_and_its_own(direct: Any, ec2: Any) -> None:
    parent = written(direct, {0: A, 1: A, 2: A})
    child = written(direct, {1: ZEROS, 3: B}, ParentSnapshotId=parent)
    assert [read(direct, child, index) for index in range(4)] == [A, ZEROS, A, B]
    told = direct.list_changed_blocks(FirstSnapshotId=parent, SecondSnapshotId=child)
    assert [each["BlockIndex"] for each in told["ChangedBlocks"]] == [1, 3]
    assert "FirstBlockToken" not in told["ChangedBlocks"][1]
    stranger = written(direct, {0: A})
    assert refused(
        direct.list_changed_blocks, FirstSnapshotId=stranger, SecondSnapshotId=child
    ) == ("ValidationException", "UNRELATED_SNAPSHOTS")
    # The lineage goes on without its first.
    ec2.delete_snapshot(SnapshotId=parent)
    assert read(direct, child, 0) == A


@operation("EBS direct", "CompleteSnapshot")
def test_nothing_is_made_of_a_snapshot_that_is_not_complete(
    direct: Any, ec2: Any, world: Any
) -> None:
    pending = direct.start_snapshot(VolumeSize=1)["SnapshotId"]
    zone = world.zones[0]
    assert refused(ec2.create_volume, AvailabilityZone=zone, SnapshotId=pending)[0] == (
        "IncorrectState"
    )
    device = {"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": pending}}
    assert refused(
        ec2.register_image, Name="image", RootDeviceName="/dev/xvda", BlockDeviceMappings=[device]
    )[0] == ("IncorrectState")
    assert refused(direct.list_snapshot_blocks, SnapshotId=pending) == (
        "ValidationException", "INVALID_SNAPSHOT_ID",
    )  # fmt: skip
    assert refused(direct.start_snapshot, VolumeSize=1, ParentSnapshotId=pending)[1] == (
        "INVALID_SNAPSHOT_ID"
    )


@operation("EBS direct", "PutSnapshotBlock")
@operation("EBS direct", "CompleteSnapshot")
def test_what_is_wrong_is_refused_and_changes_nothing(direct: Any) -> None:
    parent = written(direct, {0: A})
    pending = direct.start_snapshot(VolumeSize=1)["SnapshotId"]
    invalid = "ValidationException"
    assert refused(put, direct, pending, 0, A, Checksum=b64(sha(B))) == (invalid, "INVALID_BLOCK")
    assert refused(put, direct, pending, 0, b"short") == (invalid, "INVALID_BLOCK")
    assert refused(put, direct, pending, 2048, A) == (invalid, "INVALID_BLOCK")
    assert refused(put, direct, "snap-0123456789abcdef0", 0, A) == (
        "ResourceNotFoundException", "SNAPSHOT_NOT_FOUND",
    )  # fmt: skip
    assert refused(put, direct, parent, 0, A)[1] == "INVALID_SNAPSHOT_ID"
    complete = direct.complete_snapshot
    assert refused(complete, SnapshotId=pending, ChangedBlocksCount=1)[0] == invalid
    put(direct, pending, 0, A)
    assert refused(
        complete, SnapshotId=pending, ChangedBlocksCount=1, Checksum=b64(sha(A)),
        ChecksumAlgorithm="SHA256", ChecksumAggregationMethod="LINEAR",
    )[0] == invalid  # fmt: skip
    assert complete(SnapshotId=pending, ChangedBlocksCount=1)["Status"] == "completed"
    start = direct.start_snapshot
    assert refused(start, VolumeSize=1, ParentSnapshotId=parent, Encrypted=True)[0] == invalid
    assert refused(start, VolumeSize=60_000)[1] == "INVALID_VOLUME_SIZE"
    assert refused(direct.list_snapshot_blocks, SnapshotId=parent, NextToken="x")[1] == (
        "INVALID_PAGE_TOKEN"
    )
    assert refused(
        direct.get_snapshot_block, SnapshotId=parent, BlockIndex=0, BlockToken="bm8="
    ) == (invalid, "INVALID_BLOCK_TOKEN")


@operation("EBS direct", "StartSnapshot")
def test_a_client_token_begins_one_snapshot(direct: Any, world: Any) -> None:
    once = world.name("once")
    first = direct.start_snapshot(VolumeSize=1, ClientToken=once)["SnapshotId"]
    assert direct.start_snapshot(VolumeSize=1, ClientToken=once)["SnapshotId"] == first
    assert refused(direct.start_snapshot, VolumeSize=2, ClientToken=once)[0] == (
        "ConflictException"
    )
