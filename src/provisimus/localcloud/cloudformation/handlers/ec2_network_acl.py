"""AWS::EC2::NetworkAcl."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

# moto says the second for an ACL that is not there.
ABSENT = ("InvalidNetworkAclID.NotFound", "InvalidRouteTableID.NotFound")


class NetworkAcl(Handler):
    type = "AWS::EC2::NetworkAcl"
    honoured = frozenset({"Tags/*/Key", "Tags/*/Value", "VpcId"})
    attributes = frozenset({"Id"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.ec2.create_network_acl(
            TagSpecifications=tag_specification("network-acl", wanted),
            **only(wanted.properties, "VpcId"),
        )
        return str(made["NetworkAcl"]["NetworkAclId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "network-acl", wanted)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        acl = acl_of(cloud, physical_id)
        return acl and only(acl, "Tags", "VpcId")

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_network_acl(NetworkAclId=physical_id), *ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return acl_of(cloud, physical_id) is None


def acl_of(cloud: Cloud, acl_id: str) -> dict[str, Any] | None:
    """What EC2 tells of a network ACL; None where there is none."""

    def told() -> Any:
        return cloud.ec2.describe_network_acls(NetworkAclIds=[acl_id])

    return first(told, "NetworkAcls", *ABSENT)


HANDLER = NetworkAcl()
