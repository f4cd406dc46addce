"""AWS::Logs::LogGroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("ResourceNotFoundException",)


class LogGroup(Handler):
    type = "AWS::Logs::LogGroup"
    honoured = frozenset(
        {"KmsKeyId", "LogGroupName", "RetentionInDays", "Tags/*/Key", "Tags/*/Value"}
    )
    attributes = frozenset({"Arn"})
    name_property = "LogGroupName"
    recorded: ClassVar[Mapping[str, str]] = {
        "KmsKeyId": "its events are not encrypted",
        "RetentionInDays": "its events are kept for as long as it is there",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("LogGroupName")
        key = {"kmsKeyId": wanted.properties["KmsKeyId"]} if "KmsKeyId" in wanted.properties else {}
        tags = {"tags": dict(wanted.tags)} if wanted.tags else {}
        cloud.logs.create_log_group(logGroupName=name, **key, **tags)
        return name

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_retention(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Arn": (_find(cloud, physical_id) or {}).get("arn", "")}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        if found is None:
            return None
        arn = found["arn"].removesuffix(":*")
        listed = cloud.logs.list_tags_for_resource(resourceArn=arn)["tags"]
        return {
            "KmsKeyId": found.get("kmsKeyId"),
            "LogGroupName": physical_id,
            "RetentionInDays": found.get("retentionInDays"),
            "Tags": [{"Key": key, "Value": value} for key, value in listed.items()],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        if changed(before.properties, after.properties, "KmsKeyId"):
            key = after.properties.get("KmsKeyId")
            if key:
                cloud.logs.associate_kms_key(logGroupName=physical_id, kmsKeyId=key)
            else:
                cloud.logs.disassociate_kms_key(logGroupName=physical_id)
        _make_retention(cloud, physical_id, after.properties)
        arn = self.read(cloud, physical_id, {})["Arn"].removesuffix(":*")
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.logs.untag_resource(resourceArn=arn, tagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.logs.tag_resource(resourceArn=arn, tags=dict(after.tags))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.logs.delete_log_group(logGroupName=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, name: str) -> dict[str, Any] | None:
    found = cloud.logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return next((dict(each) for each in found if each["logGroupName"] == name), None)


def _make_retention(cloud: Cloud, name: str, properties: Mapping[str, Any]) -> None:
    days = only(properties, "RetentionInDays").get("RetentionInDays")
    if days is not None:
        cloud.logs.put_retention_policy(logGroupName=name, retentionInDays=days)
    elif "retentionInDays" in (_find(cloud, name) or {}):
        cloud.logs.delete_retention_policy(logGroupName=name)


HANDLER = LogGroup()
