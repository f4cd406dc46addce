"""AWS::IAM::Role, with its inline and managed policies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._iam import as_written
from provisimus.localcloud.cloudformation.handlers.interface import (
    Attachment,
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("NoSuchEntity",)


class Role(Handler):
    type = "AWS::IAM::Role"
    honoured = frozenset(
        {
            "AssumeRolePolicyDocument/**",
            "Description",
            "ManagedPolicyArns/*",
            "MaxSessionDuration",
            "Path",
            "PermissionsBoundary",
            "Policies/*/PolicyName",
            "Policies/*/PolicyDocument/**",
            "RoleName",
            "Tags/*/Key",
            "Tags/*/Value",
        }
    )
    attributes = frozenset({"Arn", "RoleId"})
    name_property = "RoleName"
    capability = "IAM"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("RoleName")[:64]
        cloud.iam.create_role(
            RoleName=name,
            AssumeRolePolicyDocument=_document(wanted.properties["AssumeRolePolicyDocument"]),
            Tags=wanted.tag_list(),
            **only(
                wanted.properties,
                "Description",
                "MaxSessionDuration",
                "Path",
                "PermissionsBoundary",
            ),
        )
        return name

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_policies(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        role = cloud.iam.get_role(RoleName=physical_id)["Role"]
        return {"Arn": role["Arn"], "RoleId": role["RoleId"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = unless_absent(lambda: cloud.iam.get_role(RoleName=physical_id), *_ABSENT)
        if found is None:
            return None
        role, iam = found["Role"], cloud.iam
        attached = iam.list_attached_role_policies(RoleName=physical_id)["AttachedPolicies"]
        inline = iam.list_role_policies(RoleName=physical_id)["PolicyNames"]
        written = {e["PolicyName"]: e["PolicyDocument"] for e in properties.get("Policies", [])}
        return {
            "AssumeRolePolicyDocument": as_written(
                role["AssumeRolePolicyDocument"], properties.get("AssumeRolePolicyDocument")
            ),
            "Description": role.get("Description") or None,
            "ManagedPolicyArns": [each["PolicyArn"] for each in attached],
            "MaxSessionDuration": role.get("MaxSessionDuration"),
            "Path": role["Path"],
            "PermissionsBoundary": role.get("PermissionsBoundary", {}).get(
                "PermissionsBoundaryArn"
            ),
            "Policies": [
                {
                    "PolicyName": name,
                    "PolicyDocument": as_written(
                        iam.get_role_policy(RoleName=physical_id, PolicyName=name)[
                            "PolicyDocument"
                        ],
                        written.get(name),
                    ),
                }
                for name in inline
            ],
            "RoleName": role["RoleName"],
            "Tags": iam.list_role_tags(RoleName=physical_id)["Tags"],
        }

    def attachments(self, physical_id: str, properties: Mapping[str, Any]) -> Iterable[Attachment]:
        for arn in properties.get("ManagedPolicyArns", []):
            yield Attachment(str(arn), "Roles", physical_id)

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        if changed(old, new, "AssumeRolePolicyDocument"):
            cloud.iam.update_assume_role_policy(
                RoleName=physical_id, PolicyDocument=_document(new["AssumeRolePolicyDocument"])
            )
        if changed(old, new, "Description", "MaxSessionDuration"):
            cloud.iam.update_role(
                RoleName=physical_id,
                Description=new.get("Description", ""),
                MaxSessionDuration=new.get("MaxSessionDuration", 3600),
            )
        if changed(old, new, "PermissionsBoundary"):
            if "PermissionsBoundary" in new:
                cloud.iam.put_role_permissions_boundary(
                    RoleName=physical_id, PermissionsBoundary=new["PermissionsBoundary"]
                )
            else:
                cloud.iam.delete_role_permissions_boundary(RoleName=physical_id)
        _make_policies(cloud, physical_id, new, old)
        gone = [key for key in before.tags if key not in after.tags]
        if gone:
            cloud.iam.untag_role(RoleName=physical_id, TagKeys=gone)
        if before.tags != after.tags and after.tags:
            cloud.iam.tag_role(RoleName=physical_id, Tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if self.gone(cloud, physical_id, properties):
            return
        _make_policies(cloud, physical_id, {})
        cloud.iam.delete_role(RoleName=physical_id)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return unless_absent(lambda: cloud.iam.get_role(RoleName=physical_id), *_ABSENT) is None


def _make_policies(
    cloud: Cloud,
    role: str,
    properties: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> None:
    """Make inline and managed policies those of the properties.

    Of a role that was made `before`, only its own policies go: others are resources of their own.
    """
    inline = _inline(properties)
    found = cloud.iam.list_role_policies(RoleName=role)["PolicyNames"]
    own = set(found) if before is None else set(_inline(before))
    for name in found:
        if name not in inline and name in own:
            cloud.iam.delete_role_policy(RoleName=role, PolicyName=name)
    for name, document in inline.items():
        cloud.iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    managed = set(properties.get("ManagedPolicyArns", []))
    attached = {
        each["PolicyArn"]
        for each in cloud.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    }
    attached_by_role = attached if before is None else set(before.get("ManagedPolicyArns", []))
    for arn in sorted((attached - managed) & attached_by_role):
        cloud.iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(managed - attached):
        cloud.iam.attach_role_policy(RoleName=role, PolicyArn=arn)


def _inline(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        each["PolicyName"]: _document(each["PolicyDocument"])
        for each in properties.get("Policies", [])
    }


def _document(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


HANDLER = Role()
