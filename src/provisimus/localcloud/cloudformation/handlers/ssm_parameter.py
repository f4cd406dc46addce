"""AWS::SSM::Parameter: text or a list of texts; secure ones are not CloudFormation's to make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_WRITTEN = ("AllowedPattern", "DataType", "Description", "Tier", "Type", "Value")


class Parameter(Handler):
    type = "AWS::SSM::Parameter"
    honoured = frozenset({"Name", "Tags/**", *_WRITTEN})
    attributes = frozenset({"Type", "Value"})
    name_property = "Name"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        _check(wanted.properties)
        name = wanted.name("Name")
        cloud.ssm.put_parameter(
            Name=name, Tags=wanted.tag_list(), **only(wanted.properties, *_WRITTEN)
        )
        return name

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        found = cloud.ssm.get_parameter(Name=physical_id)["Parameter"]
        return {"Type": found["Type"], "Value": found["Value"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = unless_absent(
            lambda: cloud.ssm.get_parameter(Name=physical_id), "ParameterNotFound"
        )
        if found is None:
            return None
        described = cloud.ssm.describe_parameters(
            ParameterFilters=[{"Key": "Name", "Option": "Equals", "Values": [physical_id]}]
        )["Parameters"]
        tags = cloud.ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=physical_id)
        more = described[0] if described else {}
        return {
            "Name": physical_id,
            **only(found["Parameter"], "Type", "Value"),
            **only(more, "DataType", "Tier"),
            "AllowedPattern": more.get("AllowedPattern") or None,
            "Description": more.get("Description") or None,
            "Tags": {each["Key"]: each["Value"] for each in tags["TagList"]},
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _check(after.properties)
        if changed(before.properties, after.properties, *_WRITTEN):
            cloud.ssm.put_parameter(
                Name=physical_id, Overwrite=True, **only(after.properties, *_WRITTEN)
            )
        about = {"ResourceType": "Parameter", "ResourceId": physical_id}
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.ssm.remove_tags_from_resource(**about, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.ssm.add_tags_to_resource(**about, Tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ssm.delete_parameter(Name=physical_id), "ParameterNotFound")


def _check(properties: Mapping[str, Any]) -> None:
    if properties.get("Type") not in ("String", "StringList"):
        raise ResourceFailed(
            f"Properties validation failed: #/Type: {properties.get('Type')} is not one of "
            "[String, StringList] (CloudFormation makes no SecureString)"
        )


HANDLER = Parameter()
