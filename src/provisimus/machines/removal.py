"""Removing one thing that a bake made for a while, with the patience that EC2 asks for."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from provisimus.aws import Cloud, CloudFault, as_tags, speaking, tags_of
from provisimus.errors import ProvisimusError
from provisimus.events import Tell, Warned
from provisimus.machines import runs, tags
from provisimus.machines.temporary import snapshots_of

SETTLES_WITHIN = 60.0
"""Seconds for which a removal is tried again while something else still holds the thing."""
HELD = ("DependencyViolation", "VolumeInUse", "InvalidSnapshot.InUse")


def remove(cloud: Cloud, kind: str, name: str, *, within: float = SETTLES_WITHIN) -> None:
    """Remove an instance, image, snapshot, volume, key pair or security group.

    What is gone already is fine. Raises CloudFault, Unreachable.
    """
    ec2: Any = cloud.ec2
    calls = {
        "instance": lambda: ec2.terminate_instances(InstanceIds=[name]),
        "image": lambda: ec2.deregister_image(ImageId=name),
        "snapshot": lambda: ec2.delete_snapshot(SnapshotId=name),
        "volume": lambda: ec2.delete_volume(VolumeId=name),
        "key pair": lambda: ec2.delete_key_pair(KeyName=name),
        "security group": lambda: ec2.delete_security_group(GroupId=name),
    }
    deadline = time.monotonic() + within
    while True:
        try:
            with speaking(cloud, f"remove the {kind} {name}"):
                calls[kind]()
        except CloudFault as error:
            if error.code.endswith((".NotFound", ".Unavailable")):
                return
            # A terminated instance holds its group and volumes for a moment longer.
            if error.code not in HELD or time.monotonic() >= deadline:
                raise
            time.sleep(1)
        else:
            return


def remove_or_leave(
    cloud: Cloud, kind: str, name: str, work: Path, tell: Tell, *, within: float = SETTLES_WITHIN
) -> None:
    """Remove what a bake made for a while; what resists is left, and told, to `machine reap`."""
    with leaving(work, tell):
        remove(cloud, kind, name, within=within)


@contextmanager
def leaving(work: Path, tell: Tell) -> Iterator[None]:
    """Cleaning that may fail: the run's journal then outlives the run."""
    try:
        yield
    except ProvisimusError as error:
        runs.leave_journal(work)
        tell(Warned(f"{error.message}; provisimus machine reap removes it"))


def remove_image(cloud: Cloud, image: str) -> None:
    """Remove an AMI and the snapshots that it is made of. Raises CloudFault, Unreachable.

    Should we be killed in between, the snapshots say by their tags that they were to go.
    """
    with speaking(cloud, f"look at {image}"):
        found = cloud.ec2.describe_images(ImageIds=[image])["Images"]
    for each in found:
        snapshots, tagged = snapshots_of(each), tags_of(each.get("Tags"))
        marks = {
            key: tagged[key] for key in (tags.PROJECT, tags.MACHINE, tags.RUN) if key in tagged
        }
        now = datetime.now(UTC).strftime(tags.TIME)
        mark_snapshots(cloud, snapshots, {**marks, tags.EXPIRES: now})
        remove(cloud, "image", image)
        for snapshot in snapshots:
            remove(cloud, "snapshot", snapshot)


def mark_snapshots(cloud: Cloud, snapshots: Sequence[str], marks: Mapping[str, str]) -> None:
    """Tag snapshots as something that goes. One that is gone by now is fine."""
    if not snapshots:
        return
    try:
        with speaking(cloud, "mark the snapshots"):
            cloud.ec2.create_tags(Resources=list(snapshots), Tags=as_tags(marks))
    except CloudFault as error:
        if not error.code.endswith(".NotFound"):
            raise
