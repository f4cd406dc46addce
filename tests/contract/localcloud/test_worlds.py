"""Worlds that are kept: what comes back is what was, however often and whatever came after."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from provisimus.localcloud import worlds
from provisimus.localcloud.disks import Disks
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout

from .conftest import LocalCloud
from .test_direct import A, B, put
from .test_direct import read as read_block
from .test_disks import has_mark, io

VOLUME = "vol-00000000000000001"


def arrange(cloud: LocalCloud, *arguments: str, fails: bool = False) -> str:
    command, *names = arguments
    done = subprocess.run(
        [sys.executable, "-m", "provisimus.localcloud", command, "--dir", str(cloud.directory),
         *names],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode != 0) == fails, done.stderr
    return done.stderr if fails else done.stdout


def value(cloud: LocalCloud) -> str:
    return str(cloud.client("ssm").get_parameter(Name="/greeting")["Parameter"]["Value"])


@pytest.mark.timeout(240)
def test_a_world_comes_back_as_it_was(stopped_cloud: LocalCloud) -> None:
    cloud = stopped_cloud
    cloud.start()
    ec2, ssm = cloud.client("ec2"), cloud.client("ssm")
    volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
    io(cloud, volume, "write -P 0xa5 0 64k")
    ec2.create_snapshot(VolumeId=volume)
    ssm.put_parameter(Name="/greeting", Value="hello", Type="String")
    begun = cloud.client("ebs").start_snapshot(VolumeSize=1)["SnapshotId"]
    put(cloud.client("ebs"), begun, 0, A)
    assert "stop it first" in arrange(cloud, "freeze", "one", fails=True)
    cloud.stop()
    arrange(cloud, "freeze", "one")
    assert "kept already" in arrange(cloud, "freeze", "one", fails=True)

    for _ in range(2):
        cloud.start()
        assert (value(cloud), has_mark(cloud, volume)) == ("hello", True)
        io(cloud, volume, "write -P 0x11 0 64k")
        cloud.client("ssm").put_parameter(
            Name="/greeting", Value="bye", Type="String", Overwrite=True
        )
        direct = cloud.client("ebs")
        put(direct, begun, 0, B)
        direct.complete_snapshot(SnapshotId=begun, ChangedBlocksCount=1)
        assert read_block(direct, begun, 0) == B
        cloud.client("ec2").create_volume(AvailabilityZone="eu-west-1a", Size=1)
        cloud.stop()
        arrange(cloud, "thaw", "one")
    [kept] = json.loads(arrange(cloud, "worlds"))
    assert kept["name"] == "one"

    cloud.start()
    described: Any = cloud.client("ec2").describe_volumes()["Volumes"]
    assert [each["VolumeId"] for each in described] == [volume]
    cloud.stop()
    arrange(cloud, "forget", "one")
    assert json.loads(arrange(cloud, "worlds")) == []
    cloud.start()
    assert (value(cloud), has_mark(cloud, volume)) == ("hello", True)


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    made = Layout(tmp_path)
    made.make()
    Disks(made, None).create_blank(VOLUME, 1)
    made.state.write_text("the first state")
    blob = made.registry / "docker/registry/v2/blobs/sha256/aa/aabb/data"
    blob.parent.mkdir(parents=True)
    blob.write_text("a layer")
    return made


def test_a_thaw_that_is_killed_is_either_not_begun_or_finished(layout: Layout) -> None:
    worlds.freeze(layout, "one", None)
    layout.state.write_text("the second state")
    layout.cloudformation.write_text("stacks of the second")

    # Killed while the world was put together.
    coming = Layout(layout.thawing)
    worlds._take_over(Layout(layout.frozen / "one"), coming)
    worlds.finish(layout)
    assert layout.state.read_text() == "the second state"
    assert not layout.thawing.exists()

    # Killed when one part had taken its place.
    worlds._take_over(Layout(layout.frozen / "one"), coming)
    there = [part.name for part in worlds._parts(coming) if part.exists()]
    (coming.root / worlds.READY).write_text(json.dumps(there))
    worlds._remove(layout.disks)
    coming.disks.rename(layout.disks)
    worlds.finish(layout)
    assert layout.state.read_text() == "the first state"
    assert not layout.cloudformation.exists()
    assert layout.disk(VOLUME).exists()
    assert not layout.thawing.exists()


def test_nothing_is_copied_but_small_files(layout: Layout) -> None:
    worlds.freeze(layout, "one", None)
    kept = Layout(layout.frozen / "one")
    assert kept.disk(VOLUME).stat().st_nlink == 2  # and the layer beneath the live volume
    [blob] = layout.registry.rglob("data")
    assert blob.samefile(kept.root / blob.relative_to(layout.root))


def test_what_is_wrong_is_told(layout: Layout) -> None:
    with pytest.raises(LocalCloudError, match="no world two is kept"):
        worlds.thaw(layout, "two", None)
    with pytest.raises(LocalCloudError, match="is no name of a world"):
        worlds.freeze(layout, "../x", None)
    worlds.freeze(layout, "one", None)
    about = layout.frozen / "one/world.json"
    about.write_text(about.read_text().replace(worlds._version(), "0/0"))
    with pytest.raises(LocalCloudError, match="was kept by 0/0"):
        worlds.thaw(layout, "one", None)
    assert layout.state.read_text() == "the first state"
