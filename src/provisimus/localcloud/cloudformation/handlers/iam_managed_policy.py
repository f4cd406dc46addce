"""AWS::IAM::ManagedPolicy. Its physical id is its ARN; a new text is a new version of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._iam import (
    ABSENT,
    HOLDERS,
    NOT_ENFORCED,
    as_written,
    attached,
    document,
    holders,
    named,
)
from provisimus.localcloud.cloudformation.handlers.interface import (
    Attachment,
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_MOST_VERSIONS = 5
"""IAM keeps no more; source: "IAM and AWS STS quotas"."""


class ManagedPolicy(Handler):
    type = "AWS::IAM::ManagedPolicy"
    honoured = frozenset(
        {
            "Description",
            "ManagedPolicyName",
            "Path",
            "PolicyDocument/**",
            *(f"{key}/*" for key in HOLDERS),
        }
    )
    attributes = frozenset({"DefaultVersionId", "PolicyArn", "PolicyId"})
    name_property = "ManagedPolicyName"
    capability = "IAM"
    recorded: ClassVar[Mapping[str, str]] = {"*": NOT_ENFORCED}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.iam.create_policy(
            PolicyName=wanted.name("ManagedPolicyName")[:128],
            PolicyDocument=document(wanted.properties["PolicyDocument"]),
            **only(wanted.properties, "Description", "Path"),
        )
        return str(made["Policy"]["Arn"])

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        for holder in sorted(holders(properties) - set(attached(cloud, physical_id))):
            _attach(cloud, physical_id, holder)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        policy = cloud.iam.get_policy(PolicyArn=physical_id)["Policy"]
        return {"PolicyArn": physical_id, **only(policy, "DefaultVersionId", "PolicyId")}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = unless_absent(lambda: cloud.iam.get_policy(PolicyArn=physical_id), ABSENT)
        if found is None:
            return None
        policy = found["Policy"]
        version = cloud.iam.get_policy_version(
            PolicyArn=physical_id, VersionId=policy["DefaultVersionId"]
        )["PolicyVersion"]
        has = list(attached(cloud, physical_id))
        return {
            **only(policy, "Description", "Path"),
            "ManagedPolicyName": policy["PolicyName"],
            "PolicyDocument": as_written(version["Document"], properties["PolicyDocument"]),
            **{key: [name for own, name in has if own == kind] for key, kind in HOLDERS.items()},
        }

    def attachments(self, physical_id: str, properties: Mapping[str, Any]) -> Iterable[Attachment]:
        for _, holder in sorted(holders(properties)):
            yield Attachment(holder, "ManagedPolicyArns", physical_id)

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        was, becomes = before.properties, after.properties
        if changed(was, becomes, "PolicyDocument"):
            versions = _versions(cloud, physical_id)
            if len(versions) >= _MOST_VERSIONS:
                oldest = min(versions, key=lambda each: int(each["VersionId"][1:]))
                cloud.iam.delete_policy_version(
                    PolicyArn=physical_id, VersionId=oldest["VersionId"]
                )
            cloud.iam.create_policy_version(
                PolicyArn=physical_id,
                PolicyDocument=document(becomes["PolicyDocument"]),
                SetAsDefault=True,
            )
        for holder in sorted(holders(was) - holders(becomes)):
            _detach(cloud, physical_id, holder)
        self.settled(cloud, physical_id, becomes)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if self.gone(cloud, physical_id, properties):
            return
        for holder in sorted(holders(properties) & set(attached(cloud, physical_id))):
            _detach(cloud, physical_id, holder)
        for each in _versions(cloud, physical_id):
            if not each["IsDefaultVersion"]:
                cloud.iam.delete_policy_version(PolicyArn=physical_id, VersionId=each["VersionId"])
        cloud.iam.delete_policy(PolicyArn=physical_id)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return unless_absent(lambda: cloud.iam.get_policy(PolicyArn=physical_id), ABSENT) is None


def _versions(cloud: Cloud, arn: str) -> list[dict[str, Any]]:
    return list(cloud.iam.list_policy_versions(PolicyArn=arn)["Versions"])


def _attach(cloud: Cloud, arn: str, holder: tuple[str, str]) -> None:
    getattr(cloud.iam, f"attach_{holder[0]}_policy")(PolicyArn=arn, **named(*holder))


def _detach(cloud: Cloud, arn: str, holder: tuple[str, str]) -> None:
    detach = getattr(cloud.iam, f"detach_{holder[0]}_policy")
    unless_absent(lambda: detach(PolicyArn=arn, **named(*holder)), ABSENT)


HANDLER = ManagedPolicy()
