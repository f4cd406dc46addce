"""AWS::EC2::EIP: an address of this cloud's own, with an instance where one is named.

Its physical id is the address, which is what `Ref` gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import first
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidAddress.NotFound",)


class Eip(Handler):
    type = "AWS::EC2::EIP"
    honoured = frozenset({"Domain", "InstanceId", "Tags/*/Key", "Tags/*/Value"})
    attributes = frozenset({"AllocationId", "PublicIp"})

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        _refuse_classic(wanted.properties)
        made = cloud.ec2.allocate_address(
            Domain="vpc", TagSpecifications=tag_specification("elastic-ip", wanted)
        )
        return str(made["PublicIp"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        ids = find_tagged(cloud, "vpc-elastic-ip", wanted)
        if not ids:
            return []
        found = cloud.ec2.describe_addresses(AllocationIds=ids)["Addresses"]
        return [str(each["PublicIp"]) for each in found]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_association(cloud, physical_id, properties.get("InstanceId"))
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        address = address_of(cloud, physical_id) or {}
        return {"AllocationId": address.get("AllocationId", ""), "PublicIp": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        address = address_of(cloud, physical_id)
        return address and {
            **only(address, "Domain", "Tags"),
            "InstanceId": address.get("InstanceId") or None,
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _refuse_classic(after.properties)
        address = address_of(cloud, physical_id) or {}
        retag(cloud, str(address["AllocationId"]), before.tags, after.tags)
        if changed(before.properties, after.properties, "InstanceId"):
            _make_association(cloud, physical_id, after.properties.get("InstanceId"))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        address = address_of(cloud, physical_id)
        if address is None:
            return
        if "InstanceId" in properties:
            _make_association(cloud, physical_id, None)
        cloud.ec2.release_address(AllocationId=address["AllocationId"])

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return address_of(cloud, physical_id) is None


def address_of(cloud: Cloud, public_ip: str) -> dict[str, Any] | None:
    """What EC2 tells of an elastic address; None where there is none."""

    def told() -> Any:
        return cloud.ec2.describe_addresses(PublicIps=[public_ip])

    return first(told, "Addresses", *_ABSENT)


def _make_association(cloud: Cloud, public_ip: str, instance_id: str | None) -> None:
    address = address_of(cloud, public_ip) or {}
    if (address.get("InstanceId") or None) == instance_id:
        return
    if instance_id:
        cloud.ec2.associate_address(
            AllocationId=address["AllocationId"], InstanceId=instance_id, AllowReassociation=True
        )
    else:
        cloud.ec2.disassociate_address(AssociationId=address["AssociationId"])


def _refuse_classic(properties: Mapping[str, Any]) -> None:
    if properties.get("Domain", "vpc") != "vpc":
        raise ResourceFailed(
            f"Domain {properties['Domain']} is not known; the one there is, is vpc"
        )


HANDLER = Eip()
