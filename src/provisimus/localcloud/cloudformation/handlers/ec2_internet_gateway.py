"""AWS::EC2::InternetGateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("InvalidInternetGatewayID.NotFound",)


class InternetGateway(Handler):
    type = "AWS::EC2::InternetGateway"
    honoured = frozenset({"Tags/*/Key", "Tags/*/Value"})
    attributes = frozenset({"InternetGatewayId"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.ec2.create_internet_gateway(
            TagSpecifications=tag_specification("internet-gateway", wanted)
        )
        return str(made["InternetGateway"]["InternetGatewayId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "internet-gateway", wanted)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"InternetGatewayId": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        gateway = _find(cloud, physical_id)
        return gateway and only(gateway, "Tags")

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ec2.delete_internet_gateway(InternetGatewayId=physical_id), *_ABSENT
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    def told() -> Any:
        return cloud.ec2.describe_internet_gateways(InternetGatewayIds=[identifier])

    return first(told, "InternetGateways", *_ABSENT)


HANDLER = InternetGateway()
