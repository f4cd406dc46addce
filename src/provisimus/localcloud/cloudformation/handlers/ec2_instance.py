"""AWS::EC2::Instance: complete when it runs, gone when it is terminated.

InstanceType and UserData change by stopping and starting it, as for every instance whose root is
an EBS volume; BlockDeviceMappings replace it unless only DeleteOnTermination differs.
"""

from __future__ import annotations

import base64
import binascii
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
from provisimus.localcloud.cloudformation.handlers._instance_live import live_properties
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidInstanceID.NotFound",)
_METADATA = (
    "HttpEndpoint", "HttpProtocolIpv6", "HttpPutResponseHopLimit", "HttpTokens",
    "InstanceMetadataTags",
)  # fmt: skip
_EBS = ("DeleteOnTermination", "Encrypted", "KmsKeyId", "SnapshotId", "VolumeSize", "VolumeType")


class Instance(Handler):
    type = "AWS::EC2::Instance"
    honoured = frozenset(
        {
            "AvailabilityZone",
            "BlockDeviceMappings/*/DeviceName",
            "DisableApiTermination",
            "IamInstanceProfile",
            "ImageId",
            "InstanceInitiatedShutdownBehavior",
            "InstanceType",
            "KeyName",
            "Monitoring",
            "PrivateIpAddress",
            "PropagateTagsToVolumeOnCreation",
            "SecurityGroupIds/*",
            "SubnetId",
            "Tags/*/Key",
            "Tags/*/Value",
            "UserData",
        }
        | {f"BlockDeviceMappings/*/Ebs/{key}" for key in _EBS}
        | {f"MetadataOptions/{key}" for key in _METADATA}
    )
    attributes = frozenset(
        {
            "AvailabilityZone",
            "InstanceId",
            "PrivateDnsName",
            "PrivateIp",
            "PublicDnsName",
            "PublicIp",
            "VpcId",
        }
    )
    seconds = 900
    signals = True

    untold: ClassVar[Mapping[str, str]] = {
        "PropagateTagsToVolumeOnCreation": "it is said of the launch alone",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("RunInstances", wanted.properties, "ImageId")
        made = cloud.ec2.run_instances(**run_arguments(wanted, _image_devices(cloud, wanted)))
        return str(made["Instances"][0]["InstanceId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return [
            each
            for each in find_tagged(cloud, "instance", wanted)
            if _state(cloud, each) not in ("shutting-down", "terminated")
        ]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        instance = _find(cloud, physical_id)
        state = instance["State"]["Name"] if instance else "terminated"
        if state in ("terminated", "shutting-down", "stopped", "stopping"):
            raise ResourceFailed(
                f"Instance {physical_id} failed to stabilize. Current state: {state}. "
                f"Reason: {_why(instance)}"
            )
        if state != "running":
            return False
        _make_protection(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        found = _find(cloud, physical_id) or {}
        return {
            "AvailabilityZone": found.get("Placement", {}).get("AvailabilityZone", ""),
            "InstanceId": physical_id,
            "PrivateDnsName": found.get("PrivateDnsName", ""),
            "PrivateIp": found.get("PrivateIpAddress", ""),
            "PublicDnsName": found.get("PublicDnsName", ""),
            "PublicIp": found.get("PublicIpAddress", ""),
            "VpcId": found.get("VpcId", ""),
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        if found is None or found["State"]["Name"] in ("shutting-down", "terminated"):
            return None
        return live_properties(cloud, found, properties)

    def must_replace(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        return _devices_but_termination(before) != _devices_but_termination(after)

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        retag(cloud, physical_id, before.tags, after.tags)
        if changed(old, new, "MetadataOptions"):
            # The call keeps what it is not told, so defaults are told too.
            cloud.ec2.modify_instance_metadata_options(
                InstanceId=physical_id,
                **{
                    "HttpTokens": "optional",
                    "HttpPutResponseHopLimit": 1,
                    "HttpEndpoint": "enabled",
                    "HttpProtocolIpv6": "disabled",
                    "InstanceMetadataTags": "disabled",
                    **only(new.get("MetadataOptions", {}), *_METADATA),
                },
            )
        if changed(old, new, "SecurityGroupIds"):
            if not new.get("SecurityGroupIds"):
                raise ResourceFailed("SecurityGroupIds cannot be removed; name at least one group")
            cloud.ec2.modify_instance_attribute(
                InstanceId=physical_id, Groups=new["SecurityGroupIds"]
            )
        if changed(old, new, "IamInstanceProfile"):
            _make_profile(cloud, physical_id, new.get("IamInstanceProfile"))
        if changed(old, new, "Monitoring"):
            switch = cloud.ec2.monitor_instances if new.get("Monitoring") else (
                cloud.ec2.unmonitor_instances
            )  # fmt: skip
            switch(InstanceIds=[physical_id])
        if changed(old, new, "InstanceInitiatedShutdownBehavior"):
            cloud.ec2.modify_instance_attribute(
                InstanceId=physical_id,
                Attribute="instanceInitiatedShutdownBehavior",
                Value=new.get("InstanceInitiatedShutdownBehavior", "stop"),
            )
        _make_device_flags(cloud, physical_id, old, new)
        _make_protection(cloud, physical_id, new)
        if changed(old, new, "InstanceType", "UserData"):
            self._modify_stopped(cloud, physical_id, new)

    def _modify_stopped(self, cloud: Cloud, instance_id: str, new: Mapping[str, Any]) -> None:
        cloud.ec2.stop_instances(InstanceIds=[instance_id])
        cloud.until(
            lambda: _state(cloud, instance_id) == "stopped",
            f"{instance_id} to stop",
            self.seconds,
        )
        if "InstanceType" in new:
            cloud.ec2.modify_instance_attribute(
                InstanceId=instance_id, InstanceType={"Value": new["InstanceType"]}
            )
        # boto3 encodes this value once; moto decodes it once and wants base64 still.
        cloud.ec2.modify_instance_attribute(
            InstanceId=instance_id,
            UserData={"Value": base64.b64encode(user_data(new.get("UserData", "")))},
        )
        cloud.ec2.start_instances(InstanceIds=[instance_id])
        cloud.until(
            lambda: _state(cloud, instance_id) == "running",
            f"{instance_id} to run",
            self.seconds,
        )

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            unless_absent(
                lambda: cloud.ec2.terminate_instances(InstanceIds=[physical_id]), *_ABSENT
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _state(cloud, physical_id) == "terminated"


def run_arguments(wanted: Wanted, image_devices: Mapping[str, Any]) -> dict[str, Any]:
    """RunInstances' arguments for the wanted properties.

    `image_devices` are the image's own mappings by device name: EC2 takes from them what an
    override leaves open.
    """
    given = wanted.properties
    arguments: dict[str, Any] = {
        "MinCount": 1,
        "MaxCount": 1,
        **only(
            given, "ImageId", "InstanceInitiatedShutdownBehavior", "InstanceType", "KeyName",
            "MetadataOptions", "PrivateIpAddress", "SecurityGroupIds", "SubnetId",
        ),
    }  # fmt: skip
    if "UserData" in given:
        arguments["UserData"] = user_data(given["UserData"])
    if "IamInstanceProfile" in given:
        arguments["IamInstanceProfile"] = {"Name": given["IamInstanceProfile"]}
    if "AvailabilityZone" in given:
        arguments["Placement"] = {"AvailabilityZone": given["AvailabilityZone"]}
    if "Monitoring" in given:
        arguments["Monitoring"] = {"Enabled": given["Monitoring"]}
    if "BlockDeviceMappings" in given:
        arguments["BlockDeviceMappings"] = [
            _device(mapping, image_devices.get(mapping.get("DeviceName"), {}))
            for mapping in given["BlockDeviceMappings"]
        ]
    specifications = tag_specification("instance", wanted)
    if given.get("PropagateTagsToVolumeOnCreation"):
        user_tags = {k: v for k, v in wanted.tags.items() if not k.startswith("aws:")}
        specifications += tag_specification("volume", Shape(tags=user_tags))
    if specifications:
        arguments["TagSpecifications"] = specifications
    return arguments


def user_data(encoded: str) -> bytes:
    """The bytes behind a template's UserData, which must be base64."""
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ResourceFailed(
            "Invalid BASE64 encoding of user data. (Operation: RunInstances, Status Code: 400, "
            "Error Code: InvalidUserData.Malformed); hint: wrap it in Fn::Base64"
        ) from None


def _device(mapping: Mapping[str, Any], of_image: Mapping[str, Any]) -> dict[str, Any]:
    ebs = dict(mapping.get("Ebs", {}))
    inherited = {
        key: value
        for key, value in of_image.items()
        if key in ("SnapshotId", "VolumeSize", "DeleteOnTermination")
    }
    return {**mapping, "Ebs": {**inherited, **ebs}}


def _image_devices(cloud: Cloud, wanted: Wanted) -> dict[str, Any]:
    if "BlockDeviceMappings" not in wanted.properties or "ImageId" not in wanted.properties:
        return {}
    found = unless_absent(
        lambda: cloud.ec2.describe_images(ImageIds=[wanted.properties["ImageId"]]),
        "InvalidAMIID.NotFound",
        "InvalidAMIID.Malformed",
    )
    images = found["Images"] if found else []
    mappings = images[0].get("BlockDeviceMappings", []) if images else []
    return {each.get("DeviceName"): each.get("Ebs", {}) for each in mappings}


def _devices_but_termination(properties: Mapping[str, Any]) -> list[Any]:
    return [
        {
            **each,
            "Ebs": {k: v for k, v in each.get("Ebs", {}).items() if k != "DeleteOnTermination"},
        }
        for each in properties.get("BlockDeviceMappings", [])
    ]


def _make_device_flags(
    cloud: Cloud, instance_id: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> None:
    if not changed(old, new, "BlockDeviceMappings"):
        return
    for each in new.get("BlockDeviceMappings", []):
        flag = each.get("Ebs", {}).get("DeleteOnTermination")
        if flag is not None:
            cloud.ec2.modify_instance_attribute(
                InstanceId=instance_id,
                BlockDeviceMappings=[
                    {"DeviceName": each["DeviceName"], "Ebs": {"DeleteOnTermination": flag}}
                ],
            )


def _make_protection(cloud: Cloud, instance_id: str, properties: Mapping[str, Any]) -> None:
    """Set through its own call: at launch the service forgets it."""
    wanted = bool(properties.get("DisableApiTermination", False))
    found = cloud.ec2.describe_instance_attribute(
        InstanceId=instance_id, Attribute="disableApiTermination"
    )
    if bool(found.get("DisableApiTermination", {}).get("Value", False)) != wanted:
        cloud.ec2.modify_instance_attribute(
            InstanceId=instance_id, DisableApiTermination={"Value": wanted}
        )


def _make_profile(cloud: Cloud, instance_id: str, name: str | None) -> None:
    found = cloud.ec2.describe_iam_instance_profile_associations(
        Filters=[{"Name": "instance-id", "Values": [instance_id]}]
    )["IamInstanceProfileAssociations"]
    if not found:
        if name:
            cloud.ec2.associate_iam_instance_profile(
                InstanceId=instance_id, IamInstanceProfile={"Name": name}
            )
    elif name:
        cloud.ec2.replace_iam_instance_profile_association(
            AssociationId=found[0]["AssociationId"], IamInstanceProfile={"Name": name}
        )
    else:
        cloud.ec2.disassociate_iam_instance_profile(AssociationId=found[0]["AssociationId"])


def _find(cloud: Cloud, instance_id: str) -> dict[str, Any] | None:
    found = unless_absent(lambda: cloud.ec2.describe_instances(InstanceIds=[instance_id]), *_ABSENT)
    instances = [each for r in found["Reservations"] for each in r["Instances"]] if found else []
    return instances[0] if instances else None


def _state(cloud: Cloud, instance_id: str) -> str:
    found = _find(cloud, instance_id)
    return str(found["State"]["Name"]) if found else "terminated"


def _why(instance: Mapping[str, Any] | None) -> str:
    if instance is None:
        return "it no longer exists"
    message = instance.get("StateReason", {}).get("Message")
    return str(message or instance.get("StateTransitionReason") or "unknown")


HANDLER = Instance()
