"""Removing one thing that a bake made for a while, with the patience that EC2 asks for."""

from __future__ import annotations

import time
from typing import Any

from provisimus.aws import Cloud, CloudFault, speaking

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


def remove_image(cloud: Cloud, image: str) -> None:
    """Remove an AMI and the snapshots that it is made of. Raises CloudFault, Unreachable."""
    with speaking(cloud, f"look at {image}"):
        found = cloud.ec2.describe_images(ImageIds=[image])["Images"]
    remove(cloud, "image", image)
    for each in found:
        for device in each.get("BlockDeviceMappings", ()):
            if snapshot := device.get("Ebs", {}).get("SnapshotId"):
                remove(cloud, "snapshot", snapshot)
