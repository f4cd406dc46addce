"""AWS::DLM::LifecyclePolicy: snapshots of volumes by tag, really taken and removed."""

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
_OWN = ("Description", "ExecutionRoleArn", "PolicyDetails", "State")
_SCHEDULE = (
    "CopyTags", "CreateRule/Interval", "CreateRule/IntervalUnit", "CreateRule/Location",
    "CreateRule/Times/*", "Name", "RetainRule/Count", "RetainRule/Interval",
    "RetainRule/IntervalUnit", "TagsToAdd/*/Key", "TagsToAdd/*/Value",
)  # fmt: skip
_DETAILS = (
    "Parameters/ExcludeBootVolume", "PolicyType", "ResourceLocations/*", "ResourceTypes/*",
    "TargetTags/*/Key", "TargetTags/*/Value", *(f"Schedules/*/{each}" for each in _SCHEDULE),
)  # fmt: skip


class LifecyclePolicy(Handler):
    type = "AWS::DLM::LifecyclePolicy"
    honoured = frozenset(
        {
            "Description", "ExecutionRoleArn", "State", "Tags/*/Key", "Tags/*/Value",
            *(f"PolicyDetails/{each}" for each in _DETAILS),
        }
    )  # fmt: skip
    attributes = frozenset({"Arn", "PolicyId"})
    recorded: ClassVar[Mapping[str, str]] = {
        "ExecutionRoleArn": "the policy does what it says with nobody's permission"
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.dlm.create_lifecycle_policy(
            **{"State": "ENABLED", **only(wanted.properties, *_OWN)}, Tags=dict(wanted.tags)
        )
        return str(made["PolicyId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        keys = ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
        return [
            each["PolicyId"]
            for each in cloud.dlm.get_lifecycle_policies()["Policies"]
            if all(each["Tags"].get(key) == wanted.tags.get(key) for key in keys)
        ]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = cloud.dlm.get_lifecycle_policy(PolicyId=physical_id)["Policy"]
        return {"Arn": told["PolicyArn"], "PolicyId": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = unless_absent(
            lambda: cloud.dlm.get_lifecycle_policy(PolicyId=physical_id), *_ABSENT
        )
        if found is None:
            return None
        told = found["Policy"]
        tags = [{"Key": key, "Value": value} for key, value in told["Tags"].items()]
        return {**only(told, *_OWN), "Tags": tags}

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        fresh = {name: new[name] for name in _OWN if name in new and changed(old, new, name)}
        if "State" in old and "State" not in new:
            fresh["State"] = "ENABLED"
        if fresh:
            cloud.dlm.update_lifecycle_policy(PolicyId=physical_id, **fresh)
        arn = self.read(cloud, physical_id, new)["Arn"]
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.dlm.untag_resource(ResourceArn=arn, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.dlm.tag_resource(ResourceArn=arn, Tags=dict(after.tags))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.dlm.delete_lifecycle_policy(PolicyId=physical_id), *_ABSENT)


HANDLER = LifecyclePolicy()
