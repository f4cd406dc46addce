"""AWS::EC2::VPCGatewayAttachment of an internet gateway. Its physical id is `IGW|VPC`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted

_KIND = "IGW"
_DETACHED = ("Gateway.NotAttached", "InvalidInternetGatewayID.NotFound", "InvalidVpcID.NotFound")


class VpcGatewayAttachment(Handler):
    type = "AWS::EC2::VPCGatewayAttachment"
    honoured = frozenset({"InternetGatewayId", "VpcId"})
    attributes = frozenset({"AttachmentType"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("AttachInternetGateway", wanted.properties, "InternetGatewayId")
        vpc_id = str(wanted.properties["VpcId"])
        gateway_id = str(wanted.properties["InternetGatewayId"])
        cloud.ec2.attach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
        return f"{_KIND}|{vpc_id}"

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        vpc_id = str(wanted.properties["VpcId"])
        attached = _attached(cloud, vpc_id)
        return [f"{_KIND}|{vpc_id}"] if wanted.properties["InternetGatewayId"] in attached else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"AttachmentType": _KIND}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        vpc_id = _vpc(physical_id)
        attached = _attached(cloud, vpc_id)
        return {"InternetGatewayId": attached[0], "VpcId": vpc_id} if attached else None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        """Another gateway takes the place of the one that is there."""
        demand("AttachInternetGateway", after.properties, "InternetGatewayId")
        vpc_id = _vpc(physical_id)
        wanted = str(after.properties["InternetGatewayId"])
        attached = _attached(cloud, vpc_id)
        for gateway_id in attached:
            if gateway_id != wanted:
                cloud.ec2.detach_internet_gateway(InternetGatewayId=gateway_id, VpcId=vpc_id)
        if wanted not in attached:
            cloud.ec2.attach_internet_gateway(InternetGatewayId=wanted, VpcId=vpc_id)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        vpc_id = _vpc(physical_id)
        for gateway_id in _attached(cloud, vpc_id):
            unless_absent(
                lambda own=gateway_id: cloud.ec2.detach_internet_gateway(  # type: ignore[misc]
                    InternetGatewayId=own, VpcId=vpc_id
                ),
                *_DETACHED,
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return not _attached(cloud, _vpc(physical_id))


def _vpc(physical_id: str) -> str:
    return physical_id.split("|")[1]


def _attached(cloud: Cloud, vpc_id: str) -> list[str]:
    filters = [{"Name": "attachment.vpc-id", "Values": [vpc_id]}]
    found = cloud.ec2.describe_internet_gateways(Filters=filters)["InternetGateways"]
    return [str(each["InternetGatewayId"]) for each in found]


HANDLER = VpcGatewayAttachment()
