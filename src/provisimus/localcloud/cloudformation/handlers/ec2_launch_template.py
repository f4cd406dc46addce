"""AWS::EC2::LaunchTemplate. What changes of its data is a new version; the default one stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import retag
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateName.NotFoundException")
_VERSION = ("LaunchTemplateData", "VersionDescription")
_DATA = (
    "BlockDeviceMappings/*/DeviceName", "BlockDeviceMappings/*/Ebs/DeleteOnTermination",
    "BlockDeviceMappings/*/Ebs/Encrypted", "BlockDeviceMappings/*/Ebs/SnapshotId",
    "BlockDeviceMappings/*/Ebs/VolumeSize", "BlockDeviceMappings/*/Ebs/VolumeType",
    "IamInstanceProfile/Arn", "IamInstanceProfile/Name", "ImageId",
    "InstanceInitiatedShutdownBehavior", "InstanceType", "KeyName",
    "MetadataOptions/HttpEndpoint", "MetadataOptions/HttpPutResponseHopLimit",
    "MetadataOptions/HttpTokens", "MetadataOptions/InstanceMetadataTags", "Monitoring/Enabled",
    "SecurityGroupIds/*", "TagSpecifications/*/ResourceType", "TagSpecifications/*/Tags/*/Key",
    "TagSpecifications/*/Tags/*/Value", "UserData",
)  # fmt: skip


class LaunchTemplate(Handler):
    type = "AWS::EC2::LaunchTemplate"
    honoured = frozenset(
        {
            "LaunchTemplateName",
            "TagSpecifications/*/ResourceType",
            "TagSpecifications/*/Tags/*/Key",
            "TagSpecifications/*/Tags/*/Value",
            "VersionDescription",
            *(f"LaunchTemplateData/{path}" for path in _DATA),
        }
    )
    attributes = frozenset({"DefaultVersionNumber", "LatestVersionNumber", "LaunchTemplateId"})
    name_property = "LaunchTemplateName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        _tags(wanted.properties)
        made = cloud.ec2.create_launch_template(
            LaunchTemplateName=wanted.name("LaunchTemplateName")[:128],
            **only(wanted.properties, *_VERSION),
        )
        return str(made["LaunchTemplate"]["LaunchTemplateId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        if "LaunchTemplateName" not in wanted.properties:
            return []
        names = [wanted.properties["LaunchTemplateName"]]

        def told() -> Any:
            return cloud.ec2.describe_launch_templates(LaunchTemplateNames=names)

        found = first(told, "LaunchTemplates", *_ABSENT)
        return [str(found["LaunchTemplateId"])] if found else []

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        retag(cloud, physical_id, {}, _tags(properties))
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        found = _find(cloud, physical_id) or {}
        return {
            "DefaultVersionNumber": str(found.get("DefaultVersionNumber", "")),
            "LatestVersionNumber": str(found.get("LatestVersionNumber", "")),
            "LaunchTemplateId": physical_id,
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        if found is None:
            return None
        versions = cloud.ec2.describe_launch_template_versions(
            LaunchTemplateId=physical_id, Versions=["$Latest"]
        )
        own = [each for each in found.get("Tags", []) if not each["Key"].startswith("aws:")]
        return {
            **only(found, "LaunchTemplateName"),
            **only(versions["LaunchTemplateVersions"][0], *_VERSION),
            "TagSpecifications": [{"ResourceType": "launch-template", "Tags": own}] if own else [],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        if changed(before.properties, after.properties, *_VERSION):
            cloud.ec2.create_launch_template_version(
                LaunchTemplateId=physical_id, **only(after.properties, *_VERSION)
            )
        retag(cloud, physical_id, _tags(before.properties), _tags(after.properties))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            unless_absent(
                lambda: cloud.ec2.delete_launch_template(LaunchTemplateId=physical_id), *_ABSENT
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    """By its id among all: moto tells of every template when it knows none of this id."""
    pages = cloud.ec2.get_paginator("describe_launch_templates")
    for page in pages.paginate(LaunchTemplateIds=[identifier]):
        for each in page["LaunchTemplates"]:
            if each["LaunchTemplateId"] == identifier:
                return dict(each)
    return None


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    """The template's own; those of what is launched stand in its data."""
    found: dict[str, str] = {}
    for each in properties.get("TagSpecifications", []):
        if each["ResourceType"] != "launch-template":
            raise ResourceFailed(
                f"'{each['ResourceType']}' is not a valid taggable resource type for this operation"
            )
        found |= {tag["Key"]: tag["Value"] for tag in each["Tags"]}
    return found


HANDLER = LaunchTemplate()
