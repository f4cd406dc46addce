"""AWS::IAM::InstanceProfile. It has no tags: CloudFormation offers none for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("NoSuchEntity",)


class InstanceProfile(Handler):
    type = "AWS::IAM::InstanceProfile"
    honoured = frozenset({"InstanceProfileName", "Path", "Roles/*"})
    attributes = frozenset({"Arn"})
    name_property = "InstanceProfileName"
    capability = "IAM"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = wanted.name("InstanceProfileName")[:128]
        cloud.iam.create_instance_profile(
            InstanceProfileName=name, **only(wanted.properties, "Path")
        )
        return name

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_roles(cloud, physical_id, properties.get("Roles", []))
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        profile = cloud.iam.get_instance_profile(InstanceProfileName=physical_id)
        return {"Arn": profile["InstanceProfile"]["Arn"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = unless_absent(
            lambda: cloud.iam.get_instance_profile(InstanceProfileName=physical_id), *_ABSENT
        )
        if found is None:
            return None
        profile = found["InstanceProfile"]
        return {
            "InstanceProfileName": profile["InstanceProfileName"],
            "Path": profile["Path"],
            "Roles": [role["RoleName"] for role in profile["Roles"]],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _make_roles(cloud, physical_id, after.properties.get("Roles", []))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if self.gone(cloud, physical_id, properties):
            return
        _make_roles(cloud, physical_id, [])
        cloud.iam.delete_instance_profile(InstanceProfileName=physical_id)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return (
            unless_absent(
                lambda: cloud.iam.get_instance_profile(InstanceProfileName=physical_id), *_ABSENT
            )
            is None
        )


def _make_roles(cloud: Cloud, profile: str, wanted: list[str]) -> None:
    found = cloud.iam.get_instance_profile(InstanceProfileName=profile)["InstanceProfile"]
    current = [role["RoleName"] for role in found["Roles"]]
    for role in current:
        if role not in wanted:
            cloud.iam.remove_role_from_instance_profile(InstanceProfileName=profile, RoleName=role)
    for role in wanted:
        if role not in current:
            cloud.iam.add_role_to_instance_profile(InstanceProfileName=profile, RoleName=role)


HANDLER = InstanceProfile()
