"""AWS::EC2::EgressOnlyInternetGateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import (
    NO_IPV6,
    find_tagged,
    retag,
    tag_specification,
)
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("InvalidGatewayID.NotFound",)


class EgressOnlyInternetGateway(Handler):
    type = "AWS::EC2::EgressOnlyInternetGateway"
    honoured = frozenset({"Tags/*/Key", "Tags/*/Value", "VpcId"})
    attributes = frozenset({"Id"})
    recorded: ClassVar[Mapping[str, str]] = {"*": NO_IPV6}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.ec2.create_egress_only_internet_gateway(
            TagSpecifications=tag_specification("egress-only-internet-gateway", wanted),
            **only(wanted.properties, "VpcId"),
        )
        return str(made["EgressOnlyInternetGateway"]["EgressOnlyInternetGatewayId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "egress-only-internet-gateway", wanted)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        gateway = _find(cloud, physical_id)
        return gateway and {
            **only(gateway, "Tags"),
            "VpcId": gateway["Attachments"][0]["VpcId"],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ec2.delete_egress_only_internet_gateway(
                EgressOnlyInternetGatewayId=physical_id
            ),
            *_ABSENT,
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    def told() -> Any:
        ids = [identifier]
        return cloud.ec2.describe_egress_only_internet_gateways(EgressOnlyInternetGatewayIds=ids)

    return first(told, "EgressOnlyInternetGateways", *_ABSENT)


HANDLER = EgressOnlyInternetGateway()
