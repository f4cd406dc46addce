"""AWS::EC2::SubnetNetworkAclAssociation. Without one, a subnet has its VPC's default ACL.

It takes the place of whatever association the subnet has ("adopts existing resources", says its
page of the template reference).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Wanted, only


class SubnetNetworkAclAssociation(Handler):
    type = "AWS::EC2::SubnetNetworkAclAssociation"
    honoured = frozenset({"NetworkAclId", "SubnetId"})
    attributes = frozenset({"AssociationId"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        acl_id, subnet_id = (str(wanted.properties[key]) for key in ("NetworkAclId", "SubnetId"))
        cloud.ec2.describe_subnets(SubnetIds=[subnet_id])  # asked for the error
        _, association_id = _now(cloud, "association.subnet-id", subnet_id)
        made = cloud.ec2.replace_network_acl_association(
            AssociationId=association_id, NetworkAclId=acl_id
        )
        return str(made["NewAssociationId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        acl, association = _now(cloud, "association.subnet-id", str(wanted.properties["SubnetId"]))
        return [association] if acl["NetworkAclId"] == wanted.properties["NetworkAclId"] else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"AssociationId": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        if self.gone(cloud, physical_id, properties):
            return None
        acl, _ = _now(cloud, "association.association-id", physical_id)
        (own,) = [e for e in acl["Associations"] if e["NetworkAclAssociationId"] == physical_id]
        return only(own, "NetworkAclId", "SubnetId")

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if self.gone(cloud, physical_id, properties):
            return
        acl, _ = _now(cloud, "association.association-id", physical_id)
        filters = [
            {"Name": "vpc-id", "Values": [acl["VpcId"]]},
            {"Name": "default", "Values": ["true"]},
        ]
        default = cloud.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]
        unless_absent(
            lambda: cloud.ec2.replace_network_acl_association(
                AssociationId=physical_id, NetworkAclId=default["NetworkAclId"]
            ),
            "InvalidAssociationID.NotFound",
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        filters = [{"Name": "association.association-id", "Values": [physical_id]}]
        return not cloud.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]

    def displaced(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return self.gone(cloud, physical_id, properties)


def _now(cloud: Cloud, name: str, value: str) -> tuple[dict[str, Any], str]:
    """The ACL and the association that the filter finds."""
    filters = [{"Name": name, "Values": [value]}]
    acl = cloud.ec2.describe_network_acls(Filters=filters)["NetworkAcls"][0]
    for each in acl["Associations"]:
        if value in (each["SubnetId"], each["NetworkAclAssociationId"]):
            return acl, str(each["NetworkAclAssociationId"])
    raise ResourceFailed(f"{value} is associated with no network ACL")


HANDLER = SubnetNetworkAclAssociation()
