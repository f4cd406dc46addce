"""AWS::EC2::SubnetRouteTableAssociation.

A subnet is associated with one table, so the association with another takes the place of the one
that is there, under an id of its own; and so it does on the way back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Wanted, only


class SubnetRouteTableAssociation(Handler):
    type = "AWS::EC2::SubnetRouteTableAssociation"
    honoured = frozenset({"RouteTableId", "SubnetId"})
    attributes = frozenset({"Id"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        table_id, subnet_id = (str(wanted.properties[k]) for k in ("RouteTableId", "SubnetId"))
        for each in _associations(cloud, "association.subnet-id", subnet_id):
            if each["RouteTableAssociationId"] == wanted.instead_of:
                moved = cloud.ec2.replace_route_table_association(
                    AssociationId=wanted.instead_of, RouteTableId=table_id
                )
                return str(moved["NewAssociationId"])
        made = cloud.ec2.associate_route_table(RouteTableId=table_id, SubnetId=subnet_id)
        return str(made["AssociationId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        subnet_id = str(wanted.properties["SubnetId"])
        return [
            str(each["RouteTableAssociationId"])
            for each in _associations(cloud, "association.subnet-id", subnet_id)
            if (each.get("SubnetId"), each["RouteTableId"])
            == (subnet_id, wanted.properties["RouteTableId"])
        ]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _associations(cloud, "association.route-table-association-id", physical_id)
        own = [each for each in found if each["RouteTableAssociationId"] == physical_id]
        return only(own[0], "RouteTableId", "SubnetId") if own else None

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ec2.disassociate_route_table(AssociationId=physical_id),
            "InvalidAssociationID.NotFound",
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return not _associations(cloud, "association.route-table-association-id", physical_id)

    def displaced(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return self.gone(cloud, physical_id, properties)


def _associations(cloud: Cloud, name: str, value: str) -> list[dict[str, Any]]:
    filters = [{"Name": name, "Values": [value]}]
    tables = cloud.ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return [each for table in tables for each in table["Associations"]]


HANDLER = SubnetRouteTableAssociation()
