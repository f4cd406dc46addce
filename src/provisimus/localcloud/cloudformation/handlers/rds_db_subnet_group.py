"""AWS::RDS::DBSubnetGroup."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._rds import is_ours, name_of, retag, tags_of
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
)

_ABSENT = ("DBSubnetGroupNotFoundFault", "DBSubnetGroupNotFound")


class SubnetGroup(Handler):
    type = "AWS::RDS::DBSubnetGroup"
    honoured = frozenset(
        {"DBSubnetGroupDescription", "DBSubnetGroupName", "SubnetIds/*", "Tags/*/Key",
         "Tags/*/Value"}
    )  # fmt: skip
    attributes = frozenset({"DBSubnetGroupArn"})
    name_property = "DBSubnetGroupName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        name = name_of(wanted, "DBSubnetGroupName", 255)
        cloud.rds.create_db_subnet_group(
            DBSubnetGroupName=name,
            DBSubnetGroupDescription=wanted.properties["DBSubnetGroupDescription"],
            SubnetIds=wanted.properties["SubnetIds"],
            Tags=wanted.tag_list(),
        )
        return name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        groups = cloud.rds.describe_db_subnet_groups()["DBSubnetGroups"]
        return [
            each["DBSubnetGroupName"]
            for each in groups
            if is_ours(tags_of(cloud, each["DBSubnetGroupArn"]), wanted)
        ]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"DBSubnetGroupArn": _told(cloud, physical_id)["DBSubnetGroupArn"]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = unless_absent(lambda: _told(cloud, physical_id), *_ABSENT)
        if told is None:
            return None
        return {
            "DBSubnetGroupName": told["DBSubnetGroupName"],
            "DBSubnetGroupDescription": told["DBSubnetGroupDescription"],
            "SubnetIds": [each["SubnetIdentifier"] for each in told["Subnets"]],
            "Tags": tags_of(cloud, told["DBSubnetGroupArn"]),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        if changed(before.properties, after.properties, "DBSubnetGroupDescription", "SubnetIds"):
            cloud.rds.modify_db_subnet_group(
                DBSubnetGroupName=physical_id,
                DBSubnetGroupDescription=after.properties["DBSubnetGroupDescription"],
                SubnetIds=after.properties["SubnetIds"],
            )
        retag(cloud, _told(cloud, physical_id)["DBSubnetGroupArn"], before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.rds.delete_db_subnet_group(DBSubnetGroupName=physical_id), *_ABSENT
        )


def _told(cloud: Cloud, name: str) -> dict[str, Any]:
    found = cloud.rds.describe_db_subnet_groups(DBSubnetGroupName=name)["DBSubnetGroups"]
    return dict(found[0])


HANDLER = SubnetGroup()
