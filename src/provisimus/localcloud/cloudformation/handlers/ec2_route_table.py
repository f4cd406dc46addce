"""AWS::EC2::RouteTable."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

ABSENT = ("InvalidRouteTableID.NotFound",)


class RouteTable(Handler):
    type = "AWS::EC2::RouteTable"
    honoured = frozenset({"Tags/*/Key", "Tags/*/Value", "VpcId"})
    attributes = frozenset({"RouteTableId"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.ec2.create_route_table(
            TagSpecifications=tag_specification("route-table", wanted),
            **only(wanted.properties, "VpcId"),
        )
        return str(made["RouteTable"]["RouteTableId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "route-table", wanted)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"RouteTableId": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        table = table_of(cloud, physical_id)
        return table and only(table, "Tags", "VpcId")

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_route_table(RouteTableId=physical_id), *ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return table_of(cloud, physical_id) is None


def table_of(cloud: Cloud, table_id: str) -> dict[str, Any] | None:
    """What EC2 tells of a route table; None where there is none."""

    def told() -> Any:
        return cloud.ec2.describe_route_tables(RouteTableIds=[table_id])

    return first(told, "RouteTables", *ABSENT)


HANDLER = RouteTable()
