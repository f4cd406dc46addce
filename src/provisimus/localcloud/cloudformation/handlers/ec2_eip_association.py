"""AWS::EC2::EIPAssociation. An address that another interface has moves, as on AWS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers.ec2_eip import address_of
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Wanted, only

_TARGETS = ("InstanceId", "NetworkInterfaceId")


class EipAssociation(Handler):
    type = "AWS::EC2::EIPAssociation"
    honoured = frozenset({"AllocationId", "EIP", *_TARGETS})
    attributes = frozenset({"Id"})
    recorded: ClassVar[Mapping[str, str]] = {
        "NetworkInterfaceId": "an interface of its own is no network card here"
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("AssociateAddress", wanted.properties, "AllocationId", "EIP")
        demand("AssociateAddress", wanted.properties, *_TARGETS)
        return str(
            cloud.ec2.associate_address(
                AllowReassociation=True,
                **_address(cloud, wanted.properties),
                **only(wanted.properties, *_TARGETS),
            )["AssociationId"]
        )

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        filters = [
            {"Name": name, "Values": [wanted.properties[key]]}
            for name, key in (
                ("allocation-id", "AllocationId"),
                ("public-ip", "EIP"),
                ("instance-id", "InstanceId"),
                ("network-interface-id", "NetworkInterfaceId"),
            )
            if key in wanted.properties
        ]
        found = cloud.ec2.describe_addresses(Filters=filters)["Addresses"]
        return [str(each["AssociationId"]) for each in found if each.get("AssociationId")]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        address = _associated(cloud, physical_id)
        return address and {
            **only(address, "AllocationId", "NetworkInterfaceId"),
            "EIP": address["PublicIp"],
            "InstanceId": address.get("InstanceId") or None,
        }

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ec2.disassociate_address(AssociationId=physical_id),
            "InvalidAssociationID.NotFound",
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _associated(cloud, physical_id) is None

    def displaced(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return self.gone(cloud, physical_id, properties)


def _associated(cloud: Cloud, association_id: str) -> dict[str, Any] | None:
    filters = [{"Name": "association-id", "Values": [association_id]}]
    return first(lambda: cloud.ec2.describe_addresses(Filters=filters), "Addresses")


def _address(cloud: Cloud, properties: Mapping[str, Any]) -> dict[str, str]:
    """Which address is meant; EC2 takes the id of its allocation only."""
    if "AllocationId" in properties:
        return {"AllocationId": str(properties["AllocationId"])}
    found = address_of(cloud, str(properties["EIP"]))
    return {"AllocationId": found["AllocationId"]} if found else {"PublicIp": properties["EIP"]}


HANDLER = EipAssociation()
