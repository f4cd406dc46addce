"""AWS::EC2::Subnet, with IPv4."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import (
    as_range,
    demand,
    find_tagged,
    retag,
    tag_specification,
)
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("InvalidSubnetID.NotFound",)


class Subnet(Handler):
    type = "AWS::EC2::Subnet"
    honoured = frozenset(
        {
            "AvailabilityZone",
            "CidrBlock",
            "MapPublicIpOnLaunch",
            "Tags/*/Key",
            "Tags/*/Value",
            "VpcId",
        }
    )
    attributes = frozenset(
        {"AvailabilityZone", "CidrBlock", "NetworkAclAssociationId", "SubnetId", "VpcId"}
    )

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("CreateSubnet", wanted.properties, "CidrBlock")
        made = cloud.ec2.create_subnet(
            TagSpecifications=tag_specification("subnet", wanted),
            **only(wanted.properties, "AvailabilityZone", "CidrBlock", "VpcId"),
        )
        return str(made["Subnet"]["SubnetId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "subnet", wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_public(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        subnet = cloud.ec2.describe_subnets(SubnetIds=[physical_id])["Subnets"][0]
        return {
            **only(subnet, "AvailabilityZone", "CidrBlock", "VpcId"),
            "NetworkAclAssociationId": association_of(cloud, physical_id),
            "SubnetId": physical_id,
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        subnet = _find(cloud, physical_id)
        return subnet and {
            **only(subnet, "AvailabilityZone", "MapPublicIpOnLaunch", "Tags", "VpcId"),
            "CidrBlock": as_range(subnet["CidrBlock"], properties.get("CidrBlock")),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)
        _make_public(cloud, physical_id, after.properties)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_subnet(SubnetId=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, subnet_id: str) -> dict[str, Any] | None:
    return first(lambda: cloud.ec2.describe_subnets(SubnetIds=[subnet_id]), "Subnets", *_ABSENT)


def association_of(cloud: Cloud, subnet_id: str) -> str:
    """The id of the association of a subnet with its network ACL; every subnet has one."""
    filters = [{"Name": "association.subnet-id", "Values": [subnet_id]}]
    acls = cloud.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    return next(
        str(each["NetworkAclAssociationId"])
        for acl in acls
        for each in acl["Associations"]
        if each["SubnetId"] == subnet_id
    )


def _make_public(cloud: Cloud, subnet_id: str, properties: Mapping[str, Any]) -> None:
    cloud.ec2.modify_subnet_attribute(
        SubnetId=subnet_id,
        MapPublicIpOnLaunch={"Value": properties.get("MapPublicIpOnLaunch", False)},
    )


HANDLER = Subnet()
