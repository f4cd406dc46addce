"""AWS::RDS::DBParameterGroup. What is dynamic takes effect at once, the rest after a reboot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._rds import is_ours, name_of, retag, tags_of
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted

_ABSENT = ("DBParameterGroupNotFound",)


class ParameterGroup(Handler):
    type = "AWS::RDS::DBParameterGroup"
    honoured = frozenset(
        {"DBParameterGroupName", "Description", "Family", "Parameters/**", "Tags/*/Key",
         "Tags/*/Value"}
    )  # fmt: skip
    attributes = frozenset({"DBParameterGroupArn"})
    name_property = "DBParameterGroupName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = name_of(wanted, "DBParameterGroupName", 255)
        cloud.rds.create_db_parameter_group(
            DBParameterGroupName=name,
            DBParameterGroupFamily=wanted.properties["Family"],
            Description=wanted.properties["Description"],
            Tags=wanted.tag_list(),
        )
        try:
            _set(cloud, name, wanted.properties.get("Parameters", {}))
        except Exception:
            self.delete(cloud, name, wanted.properties)
            raise
        return name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        groups = cloud.rds.describe_db_parameter_groups()["DBParameterGroups"]
        return [
            each["DBParameterGroupName"]
            for each in groups
            if is_ours(tags_of(cloud, each["DBParameterGroupArn"]), wanted)
        ]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _set(cloud, physical_id, properties.get("Parameters", {}))
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"DBParameterGroupArn": _told(cloud, physical_id)["DBParameterGroupArn"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = unless_absent(lambda: _told(cloud, physical_id), *_ABSENT)
        if told is None:
            return None
        return {
            "DBParameterGroupName": told["DBParameterGroupName"],
            "Description": told["Description"],
            "Family": told["DBParameterGroupFamily"],
            "Parameters": _own(cloud, physical_id),
            "Tags": tags_of(cloud, told["DBParameterGroupArn"]),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        wanted = after.properties.get("Parameters", {})
        gone = [name for name in before.properties.get("Parameters", {}) if name not in wanted]
        if gone:
            kinds = _kinds(cloud, physical_id)
            cloud.rds.reset_db_parameter_group(
                DBParameterGroupName=physical_id,
                Parameters=[
                    {"ParameterName": name, "ApplyMethod": kinds.get(name, "pending-reboot")}
                    for name in gone
                ],
            )
        _set(cloud, physical_id, wanted)
        retag(cloud, _told(cloud, physical_id)["DBParameterGroupArn"], before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.rds.delete_db_parameter_group(DBParameterGroupName=physical_id),
            *_ABSENT,
        )


def _set(cloud: Cloud, name: str, wanted: Mapping[str, Any]) -> None:
    own = _own(cloud, name)
    fresh = {key: str(value) for key, value in wanted.items() if own.get(key) != str(value)}
    if not fresh:
        return
    kinds = _kinds(cloud, name)
    cloud.rds.modify_db_parameter_group(
        DBParameterGroupName=name,
        Parameters=[
            {"ParameterName": key, "ParameterValue": value,
             "ApplyMethod": kinds.get(key, "pending-reboot")}
            for key, value in fresh.items()
        ],
    )  # fmt: skip


def _kinds(cloud: Cloud, name: str) -> dict[str, str]:
    """How each parameter can be applied."""
    pages = cloud.rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=name)
    return {
        each["ParameterName"]: "immediate" if each["ApplyType"] == "dynamic" else "pending-reboot"
        for page in pages
        for each in page["Parameters"]
    }


def _own(cloud: Cloud, name: str) -> dict[str, str]:
    """The parameters that the group sets."""
    pages = cloud.rds.get_paginator("describe_db_parameters").paginate(
        DBParameterGroupName=name, Source="user"
    )
    return {
        each["ParameterName"]: each["ParameterValue"] for page in pages
        for each in page["Parameters"]
    }  # fmt: skip


def _told(cloud: Cloud, name: str) -> dict[str, Any]:
    found = cloud.rds.describe_db_parameter_groups(DBParameterGroupName=name)
    if not found["DBParameterGroups"]:  # moto's answer where AWS says that there is none
        cloud.rds.describe_db_parameters(DBParameterGroupName=name)
    return dict(found["DBParameterGroups"][0])


HANDLER = ParameterGroup()
