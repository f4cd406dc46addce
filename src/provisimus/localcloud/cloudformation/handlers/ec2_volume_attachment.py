"""AWS::EC2::VolumeAttachment. Its physical id is `VOLUME|INSTANCE`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Wanted

_ABSENT = ("InvalidVolume.NotFound",)
_DETACHED = ("IncorrectState", "InvalidAttachment.NotFound", "InvalidVolume.NotFound")


class VolumeAttachment(Handler):
    type = "AWS::EC2::VolumeAttachment"
    honoured = frozenset({"Device", "InstanceId", "VolumeId"})
    attributes = frozenset[str]()

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("AttachVolume", wanted.properties, "Device")
        volume_id = str(wanted.properties["VolumeId"])
        instance_id = str(wanted.properties["InstanceId"])
        attachments = _attachments(cloud, volume_id)
        held_by = {each["InstanceId"] for each in attachments if each["State"] != "detached"}
        # EC2 refuses this itself; a service that lets a second instance take a volume away
        # from the first must not make the stack say that all is well.
        if held_by - {instance_id}:
            raise ResourceFailed(
                f"{volume_id} is already attached to an instance (Operation: AttachVolume, "
                "Status Code: 400, Error Code: VolumeInUse)"
            )
        if instance_id not in held_by:
            cloud.ec2.attach_volume(
                VolumeId=volume_id, InstanceId=instance_id, Device=wanted.properties["Device"]
            )
        return f"{volume_id}|{instance_id}"

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        volume_id, instance_id = physical_id.split("|")
        for each in _attachments(cloud, volume_id):
            if each["InstanceId"] == instance_id:
                return bool(each["State"] == "attached")
        raise ResourceFailed(f"Volume {volume_id} was not attached to {instance_id}")

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        volume_id, instance_id = physical_id.split("|")
        if self.gone(cloud, physical_id, properties):
            return
        unless_absent(
            lambda: cloud.ec2.detach_volume(VolumeId=volume_id, InstanceId=instance_id),
            *_DETACHED,
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        volume_id, instance_id = physical_id.split("|")
        return not any(
            each["InstanceId"] == instance_id and each["State"] != "detached"
            for each in _attachments(cloud, volume_id)
        )


def _attachments(cloud: Cloud, volume_id: str) -> list[dict[str, Any]]:
    found = unless_absent(lambda: cloud.ec2.describe_volumes(VolumeIds=[volume_id]), *_ABSENT)
    volumes = found["Volumes"] if found else []
    return list(volumes[0].get("Attachments", [])) if volumes else []


HANDLER = VolumeAttachment()
