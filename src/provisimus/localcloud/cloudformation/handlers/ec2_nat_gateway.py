"""AWS::EC2::NatGateway in one zone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import (
    demand,
    find_tagged,
    retag,
    tag_specification,
)
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("NatGatewayNotFound",)
_GIVEN = ("AllocationId", "ConnectivityType", "SubnetId")


class NatGateway(Handler):
    type = "AWS::EC2::NatGateway"
    honoured = frozenset({*_GIVEN, "Tags/*/Key", "Tags/*/Value"})
    attributes = frozenset({"EniId", "NatGatewayId"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("CreateNatGateway", wanted.properties, "SubnetId")
        made = cloud.ec2.create_nat_gateway(
            TagSpecifications=tag_specification("natgateway", wanted),
            **only(wanted.properties, *_GIVEN),
        )
        return str(made["NatGateway"]["NatGatewayId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        ids = find_tagged(cloud, "nat-gateway", wanted)
        return [each for each in ids if not self.gone(cloud, each, {})]

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        state = (_find(cloud, physical_id) or {}).get("State", "deleted")
        if state in ("failed", "deleting", "deleted"):
            raise ResourceFailed(f"NAT gateway {physical_id} did not become available: {state}")
        return bool(state == "available")

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        addresses = (_find(cloud, physical_id) or {})["NatGatewayAddresses"]
        return {"EniId": addresses[0]["NetworkInterfaceId"], "NatGatewayId": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        gateway = _find(cloud, physical_id)
        if gateway is None or gateway["State"] == "deleted":
            return None
        address = gateway["NatGatewayAddresses"][0]
        return {
            **only(gateway, "ConnectivityType", "SubnetId", "Tags"),
            "AllocationId": address.get("AllocationId"),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_nat_gateway(NatGatewayId=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        """EC2 tells of a deleted one for another hour."""
        found = _find(cloud, physical_id)
        return found is None or bool(found["State"] == "deleted")


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    def told() -> Any:
        return cloud.ec2.describe_nat_gateways(NatGatewayIds=[identifier])

    return first(told, "NatGateways", *_ABSENT)


HANDLER = NatGateway()
