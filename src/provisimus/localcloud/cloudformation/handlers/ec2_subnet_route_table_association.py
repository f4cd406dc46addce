"""AWS::EC2::SubnetRouteTableAssociation.

Another table for a subnet that has one already is refused: to go back, the association that was
there would have to be made anew, under another id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._ec2 import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Wanted


class SubnetRouteTableAssociation(Handler):
    type = "AWS::EC2::SubnetRouteTableAssociation"
    honoured = frozenset({"RouteTableId", "SubnetId"})
    attributes = frozenset({"Id"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        table_id, subnet_id = (str(wanted.properties[k]) for k in ("RouteTableId", "SubnetId"))
        for each in _associations(cloud, "association.subnet-id", subnet_id):
            if each.get("SubnetId") == subnet_id:
                raise ResourceFailed(
                    f"Subnet {subnet_id} is associated with route table {each['RouteTableId']} "
                    f"already. This local cloud changes no association: remove it in one update, "
                    f"and make the one with {table_id} in the next"
                )
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

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ec2.disassociate_route_table(AssociationId=physical_id),
            "InvalidAssociationID.NotFound",
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return not _associations(cloud, "association.route-table-association-id", physical_id)


def _associations(cloud: Cloud, name: str, value: str) -> list[dict[str, Any]]:
    filters = [{"Name": name, "Values": [value]}]
    tables = cloud.ec2.describe_route_tables(Filters=filters)["RouteTables"]
    return [each for table in tables for each in table["Associations"]]


HANDLER = SubnetRouteTableAssociation()
