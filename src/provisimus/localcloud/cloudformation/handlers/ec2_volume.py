"""AWS::EC2::Volume. Deleted with a snapshot where DeletionPolicy or UpdateReplacePolicy say so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import (
    demand,
    find_tagged,
    retag,
    tag_specification,
)
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidVolume.NotFound",)
_FIXED = ("AvailabilityZone", "Encrypted", "KmsKeyId", "SnapshotId")
"""Documented as "Update requires: Updates are not supported"."""
_MODIFIABLE = ("Size", "VolumeType", "Iops", "Throughput")


class Volume(Handler):
    type = "AWS::EC2::Volume"
    honoured = frozenset({*_FIXED, *_MODIFIABLE, "Tags/*/Key", "Tags/*/Value"})
    attributes = frozenset({"VolumeId"})
    snapshots = True

    untold: ClassVar[Mapping[str, str]] = {
        "KmsKeyId": "a key has several names, and drift detection compares none",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("CreateVolume", wanted.properties, "AvailabilityZone")
        demand("CreateVolume", wanted.properties, "Size", "SnapshotId")
        made = cloud.ec2.create_volume(
            TagSpecifications=tag_specification("volume", wanted),
            **only(wanted.properties, *_FIXED, *_MODIFIABLE),
        )
        return str(made["VolumeId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "volume", wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        volume = _find(cloud, physical_id)
        if volume is None or volume["State"] == "error":
            state = volume["State"] if volume else "gone"
            raise ResourceFailed(f"Volume {physical_id} did not become available: it is {state}")
        return volume["State"] in ("available", "in-use")

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"VolumeId": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        volume = _find(cloud, physical_id)
        if volume is None:
            return None
        told = only(volume, "AvailabilityZone", "Encrypted", *_MODIFIABLE)
        return {
            **told,
            "SnapshotId": volume.get("SnapshotId") or None,
            "Tags": volume.get("Tags", []),
        }

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        for name in _FIXED:
            if before.get(name) != after.get(name):
                return f"Update of property {name} of {self.type} is not supported"
        if after.get("Size", 0) < before.get("Size", 0):
            return f"New size cannot be smaller than existing size ({before['Size']} GiB)"
        return None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        if changed(before.properties, after.properties, *_MODIFIABLE):
            volume = _find(cloud, physical_id) or {}
            wanted = {
                key: value
                for key, value in only(after.properties, *_MODIFIABLE).items()
                if volume.get(key) != value
            }
            if wanted:
                cloud.ec2.modify_volume(VolumeId=physical_id, **wanted)
                cloud.until(
                    lambda: self.settled(cloud, physical_id, after.properties),
                    f"{physical_id} to be modified",
                    self.seconds,
                )
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_volume(VolumeId=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None

    def snapshot(self, cloud: Cloud, physical_id: str, shape: Shape) -> str:
        """The snapshot carries the volume's tags, so that it can be found by them."""
        made = cloud.ec2.create_snapshot(
            VolumeId=physical_id,
            Description=f"Made by CloudFormation before {physical_id} was deleted",
            TagSpecifications=tag_specification("snapshot", shape),
        )["SnapshotId"]

        def complete() -> bool:
            state = cloud.ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"]
            if state == "error":
                raise ResourceFailed(f"Snapshot {made} of {physical_id} failed")
            return bool(state == "completed")

        cloud.until(complete, f"snapshot {made} of {physical_id}", self.seconds * 5)
        return str(made)


def _find(cloud: Cloud, volume_id: str) -> dict[str, Any] | None:
    found = unless_absent(lambda: cloud.ec2.describe_volumes(VolumeIds=[volume_id]), *_ABSENT)
    volumes = found["Volumes"] if found else []
    return volumes[0] if volumes else None


HANDLER = Volume()
