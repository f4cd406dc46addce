"""AWS::EC2::Route to a gateway. Its physical id is `ROUTE TABLE|DESTINATION`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers.ec2_route_table import ABSENT, table_of
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_TARGETS = ("EgressOnlyInternetGatewayId", "GatewayId", "NatGatewayId")
_DESTINATIONS = ("DestinationCidrBlock", "DestinationIpv6CidrBlock")


class Route(Handler):
    type = "AWS::EC2::Route"
    honoured = frozenset({"RouteTableId", *_DESTINATIONS, *_TARGETS})
    attributes = frozenset({"CidrBlock"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("CreateRoute", wanted.properties, *_DESTINATIONS)
        given = only(wanted.properties, "RouteTableId", *_TARGETS)
        cloud.ec2.create_route(**given, **_destination(wanted.properties))
        return _physical_id(wanted.properties)

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        own = _route(cloud, wanted.properties)
        targets = only(wanted.properties, *_TARGETS)
        return [_physical_id(wanted.properties)] if own and targets.items() <= own.items() else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"CidrBlock": physical_id.split("|")[1]}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        route = _route(cloud, properties)
        return route and {
            **only(route, *_TARGETS),
            **only(properties, "RouteTableId", *_DESTINATIONS),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        given = only(after.properties, "RouteTableId", *_TARGETS)
        cloud.ec2.replace_route(**given, **_destination(after.properties))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        table_id = str(properties["RouteTableId"])
        unless_absent(
            lambda: cloud.ec2.delete_route(RouteTableId=table_id, **_destination(properties)),
            "InvalidRoute.NotFound",
            *ABSENT,
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _route(cloud, properties) is None


def _physical_id(properties: Mapping[str, Any]) -> str:
    (destination,) = _destination(properties).values()
    return f"{properties['RouteTableId']}|{destination}"


def _destination(properties: Mapping[str, Any]) -> dict[str, str]:
    """The destination as EC2 keeps it: with its host bits cleared."""
    name = next(each for each in _DESTINATIONS if each in properties)
    block = str(properties[name])
    try:
        return {name: str(ipaddress.ip_network(block, strict=False))}
    except ValueError:
        return {name: block}  # EC2 says what is wrong with it


def _route(cloud: Cloud, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    table = table_of(cloud, str(properties["RouteTableId"])) or {}
    destination = _destination(properties).items()
    return next((each for each in table.get("Routes", []) if destination <= each.items()), None)


HANDLER = Route()
