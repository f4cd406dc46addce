"""AWS::EC2::VPC, with IPv4 and on shared hardware: IPv6 and dedicated tenancy are not simulated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import (
    as_range,
    demand,
    find_tagged,
    retag,
    tag_specification,
)
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidVpcID.NotFound",)
_ATTRIBUTES = {"EnableDnsSupport": True, "EnableDnsHostnames": False}
"""What a VPC has where nothing is said. One call changes one of them."""


class Vpc(Handler):
    type = "AWS::EC2::VPC"
    honoured = frozenset(
        {"CidrBlock", "InstanceTenancy", "Tags/*/Key", "Tags/*/Value", *_ATTRIBUTES}
    )
    attributes = frozenset(
        {"CidrBlock", "CidrBlockAssociations", "DefaultNetworkAcl", "DefaultSecurityGroup", "VpcId"}
    )
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("CreateVpc", wanted.properties, "CidrBlock")
        _refuse_tenancy(wanted.properties)
        made = cloud.ec2.create_vpc(
            TagSpecifications=tag_specification("vpc", wanted),
            **only(wanted.properties, "CidrBlock", "InstanceTenancy"),
        )
        return str(made["Vpc"]["VpcId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "vpc", wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_attributes(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        vpc = cloud.ec2.describe_vpcs(VpcIds=[physical_id])["Vpcs"][0]
        own = [{"Name": "vpc-id", "Values": [physical_id]}]
        groups = cloud.ec2.describe_security_groups(
            Filters=[*own, {"Name": "group-name", "Values": ["default"]}]
        )["SecurityGroups"]
        acls = cloud.ec2.describe_network_acls(
            Filters=[*own, {"Name": "default", "Values": ["true"]}]
        )["NetworkAcls"]
        associations = vpc.get("CidrBlockAssociationSet", [])
        return {
            "CidrBlock": vpc["CidrBlock"],
            "CidrBlockAssociations": [each["AssociationId"] for each in associations],
            "DefaultNetworkAcl": acls[0]["NetworkAclId"],
            "DefaultSecurityGroup": groups[0]["GroupId"],
            "VpcId": physical_id,
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        vpc = _find(cloud, physical_id)
        return vpc and {
            **only(vpc, "InstanceTenancy", "Tags"),
            "CidrBlock": as_range(vpc["CidrBlock"], properties.get("CidrBlock")),
            **{name: _attribute(cloud, physical_id, name) for name in _ATTRIBUTES},
        }

    def must_replace(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """Tenancy changes in place to `default` only."""
        return changed(before, after, "InstanceTenancy") and _tenancy(after) != "default"

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)
        _make_attributes(cloud, physical_id, after.properties)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_vpc(VpcId=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, vpc_id: str) -> dict[str, Any] | None:
    return first(lambda: cloud.ec2.describe_vpcs(VpcIds=[vpc_id]), "Vpcs", *_ABSENT)


def _attribute(cloud: Cloud, vpc_id: str, name: str) -> bool:
    asked = f"{name[0].lower()}{name[1:]}"
    told = cloud.ec2.describe_vpc_attribute(VpcId=vpc_id, Attribute=asked)
    return bool(told[name]["Value"])


def _make_attributes(cloud: Cloud, vpc_id: str, properties: Mapping[str, Any]) -> None:
    for name, default in _ATTRIBUTES.items():
        cloud.ec2.modify_vpc_attribute(
            VpcId=vpc_id, **{name: {"Value": properties.get(name, default)}}
        )


def _tenancy(properties: Mapping[str, Any]) -> str:
    return str(properties.get("InstanceTenancy", "default"))


def _refuse_tenancy(properties: Mapping[str, Any]) -> None:
    if _tenancy(properties) != "default":
        raise ResourceFailed(
            f"InstanceTenancy {_tenancy(properties)} is known to AWS, not to this local cloud"
        )


HANDLER = Vpc()
