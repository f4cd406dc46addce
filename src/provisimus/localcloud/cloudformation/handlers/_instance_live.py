"""The properties of an instance as they are now, in the words of AWS::EC2::Instance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers.interface import only

_OF_VOLUME = {
    "Encrypted": "Encrypted",
    "SnapshotId": "SnapshotId",
    "VolumeSize": "Size",
    "VolumeType": "VolumeType",
}


def live_properties(
    cloud: Cloud, instance: Mapping[str, Any], properties: Mapping[str, Any]
) -> dict[str, Any]:
    """Of the devices those that the template names: others are attached by other resources."""
    profile = instance.get("IamInstanceProfile", {}).get("Arn")
    return {
        **only(instance, "ImageId", "InstanceType", "MetadataOptions", "PrivateIpAddress"),
        "AvailabilityZone": instance.get("Placement", {}).get("AvailabilityZone"),
        "DisableApiTermination": _attribute(cloud, instance, "disableApiTermination") or False,
        "IamInstanceProfile": profile.rsplit("/", 1)[-1] if profile else None,
        "InstanceInitiatedShutdownBehavior": _attribute(
            cloud, instance, "instanceInitiatedShutdownBehavior"
        ),
        "KeyName": instance.get("KeyName") or None,
        "Monitoring": instance.get("Monitoring", {}).get("State") in ("enabled", "pending"),
        "SecurityGroupIds": [each["GroupId"] for each in instance.get("SecurityGroups", [])],
        "SubnetId": instance.get("SubnetId"),
        "Tags": instance.get("Tags", []),
        "UserData": _attribute(cloud, instance, "userData"),
        "BlockDeviceMappings": _devices(cloud, instance, properties.get("BlockDeviceMappings", [])),
    }


def _devices(
    cloud: Cloud, instance: Mapping[str, Any], named: list[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    wanted = {each.get("DeviceName") for each in named}
    mappings = [
        each
        for each in instance.get("BlockDeviceMappings", [])
        if each.get("DeviceName") in wanted and "Ebs" in each
    ]
    if not mappings:
        return []
    ids = [each["Ebs"]["VolumeId"] for each in mappings]
    volumes = {v["VolumeId"]: v for v in cloud.ec2.describe_volumes(VolumeIds=ids)["Volumes"]}
    return [
        {
            "DeviceName": each["DeviceName"],
            "Ebs": {
                **only(each["Ebs"], "DeleteOnTermination"),
                **{
                    name: volumes[each["Ebs"]["VolumeId"]].get(key)
                    for name, key in _OF_VOLUME.items()
                },
            },
        }
        for each in mappings
    ]


def _attribute(cloud: Cloud, instance: Mapping[str, Any], name: str) -> Any:
    told = cloud.ec2.describe_instance_attribute(InstanceId=instance["InstanceId"], Attribute=name)
    return told.get(name[0].upper() + name[1:], {}).get("Value")
