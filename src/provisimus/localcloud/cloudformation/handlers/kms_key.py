"""AWS::KMS::Key of this cloud's own. Deleted, it waits for its end, as on AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._iam import NOT_ENFORCED, as_written, document
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("NotFoundException",)
_FIXED = {"KeySpec": "SYMMETRIC_DEFAULT", "KeyUsage": "ENCRYPT_DECRYPT"}
"""What cannot be changed, and what it is; moto would make any combination of others."""


class Key(Handler):
    type = "AWS::KMS::Key"
    honoured = frozenset(
        {
            "Description",
            "EnableKeyRotation",
            "Enabled",
            "KeyPolicy/**",
            "PendingWindowInDays",
            "Tags/*/Key",
            "Tags/*/Value",
            *_FIXED,
        }
    )
    attributes = frozenset({"Arn", "KeyId"})
    recorded: ClassVar[Mapping[str, str]] = {
        "*": "no volume is encrypted with it",
        "EnableKeyRotation": "it is not rotated",
        "KeyPolicy": NOT_ENFORCED,
    }
    untold: ClassVar[Mapping[str, str]] = {
        "PendingWindowInDays": "only a key that waits for its end tells when it comes"
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        given = wanted.properties
        for name, known in _FIXED.items():
            if given.get(name, known) != known:
                raise ResourceFailed(
                    f"{name} {given[name]} is known to AWS, not to this local cloud"
                )
        policy = {"Policy": document(given["KeyPolicy"])} if "KeyPolicy" in given else {}
        made = cloud.kms.create_key(
            Tags=[{"TagKey": key, "TagValue": value} for key, value in wanted.tags.items()],
            **policy,
            **only(given, "Description", *_FIXED),
        )
        return str(made["KeyMetadata"]["KeyId"])

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_switches(cloud, physical_id, {}, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = cloud.kms.describe_key(KeyId=physical_id)["KeyMetadata"]
        return only(told, "Arn", "KeyId")

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        if self.gone(cloud, physical_id, properties):
            return None
        told = cloud.kms.describe_key(KeyId=physical_id)["KeyMetadata"]
        policy = cloud.kms.get_key_policy(KeyId=physical_id, PolicyName="default")["Policy"]
        rotation = cloud.kms.get_key_rotation_status(KeyId=physical_id)
        listed = cloud.kms.list_resource_tags(KeyId=physical_id)["Tags"]
        return {
            **only(told, "Description", "Enabled", *_FIXED),
            "EnableKeyRotation": rotation["KeyRotationEnabled"],
            "KeyPolicy": as_written(json.loads(policy), properties.get("KeyPolicy")),
            "Tags": [{"Key": each["TagKey"], "Value": each["TagValue"]} for each in listed],
        }

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        for name in _FIXED:
            if before.get(name) != after.get(name):
                return f"You cannot change the {name} of a KMS key after it is created"
        return None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        if changed(old, new, "Description"):
            cloud.kms.update_key_description(
                KeyId=physical_id, Description=new.get("Description", "")
            )
        if changed(old, new, "KeyPolicy") and "KeyPolicy" in new:
            cloud.kms.put_key_policy(
                KeyId=physical_id, PolicyName="default", Policy=document(new["KeyPolicy"])
            )
        _make_switches(cloud, physical_id, old, new)
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.kms.untag_resource(KeyId=physical_id, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.kms.tag_resource(
                KeyId=physical_id,
                Tags=[{"TagKey": key, "TagValue": value} for key, value in after.tags.items()],
            )

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            cloud.kms.schedule_key_deletion(
                KeyId=physical_id, **only(properties, "PendingWindowInDays")
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        told = unless_absent(lambda: cloud.kms.describe_key(KeyId=physical_id), *_ABSENT)
        return told is None or bool(told["KeyMetadata"]["KeyState"] == "PendingDeletion")


def _make_switches(
    cloud: Cloud, key_id: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Rotation before the key itself: it cannot be switched while the key is disabled."""
    rotates = (before.get("EnableKeyRotation", False), after.get("EnableKeyRotation", False))
    if rotates[0] != rotates[1]:
        switch = cloud.kms.enable_key_rotation if rotates[1] else cloud.kms.disable_key_rotation
        switch(KeyId=key_id)
    enabled = (before.get("Enabled", True), after.get("Enabled", True))
    if enabled[0] != enabled[1]:
        switch = cloud.kms.enable_key if enabled[1] else cloud.kms.disable_key
        switch(KeyId=key_id)


HANDLER = Key()
