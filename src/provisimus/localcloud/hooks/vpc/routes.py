"""Routes, tables and gateways: targets that exist, in one network, and one of each.

Sources: EC2 API reference, CreateRoute, ReplaceRoute, AssociateRouteTable, AttachInternetGateway,
DetachInternetGateway.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import EC2ClientError, RouteAlreadyExistsError
from moto.ec2.models.internet_gateways import InternetGatewayBackend
from moto.ec2.models.route_tables import RouteBackend

from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.hooks.vpc.nat import living
from provisimus.localcloud.hooks.vpc.networks import canonical

_moto_create = RouteBackend.create_route
_moto_replace = RouteBackend.replace_route
_moto_associate = RouteBackend.associate_route_table
_moto_attach = InternetGatewayBackend.attach_internet_gateway
_moto_detach = InternetGatewayBackend.detach_internet_gateway
_TARGETS = (
    "gateway_id", "instance_id", "nat_gateway_id", "egress_only_igw_id", "transit_gateway_id",
    "interface_id", "vpc_peering_connection_id", "carrier_gateway_id", "vpc_endpoint_id",
)  # fmt: skip
_SIMILAR = {"gateway_id": ("igw-", "vgw-", "vpce-")}


def install() -> None:
    """Replace moto's methods."""
    replace(RouteBackend, "create_route", _checked(_moto_create, create=True))
    replace(RouteBackend, "replace_route", _checked(_moto_replace, create=False))
    replace(RouteBackend, "associate_route_table", _associate)
    replace(InternetGatewayBackend, "attach_internet_gateway", _attach)
    replace(InternetGatewayBackend, "detach_internet_gateway", _detach)


def _checked(moto: Callable[..., Any], *, create: bool) -> Callable[..., Any]:
    names = inspect.signature(moto)

    def checked(*args: Any, **kw: Any) -> Any:
        given = names.bind(*args, **kw).arguments
        backend = given["self"]
        table = backend.get_route_table(given["route_table_id"])
        for name in ("destination_cidr_block", "destination_ipv6_cidr_block"):
            given[name] = canonical(given.get(name))
        if not given.get("local"):
            _refuse_bad_target(backend, table, given)
            six = given["destination_ipv6_cidr_block"]
            if create and six and any(six == r.destination_ipv6_cidr_block for r in table.routes):
                raise RouteAlreadyExistsError(six)
        return moto(**given)

    return checked


def _refuse_bad_target(backend: Any, table: Any, given: dict[str, Any]) -> None:
    named = {name: given[name] for name in _TARGETS if given.get(name)}
    if len(named) != 1:
        raise EC2ClientError(
            "InvalidParameterCombination" if named else "MissingParameter",
            "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, "
            "vpcPeeringConnectionId, egressOnlyInternetGatewayId or transitGatewayId",
        )
    ((kind, target),) = named.items()
    if kind == "gateway_id" and not target.startswith(_SIMILAR[kind]):
        raise EC2ClientError(
            "InvalidGatewayID.NotFound", f"The gateway ID '{target}' does not exist"
        )
    if kind == "gateway_id" and target.startswith("igw-"):
        vpc = backend.get_internet_gateway(target).vpc
        if vpc is None or vpc.id != table.vpc_id:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"route table {table.id} and network gateway {target} belong to different networks",
            )
    if kind == "nat_gateway_id":
        living(backend, target)


def _associate(
    backend: Any, route_table_id: str, gateway_id: str | None = None, subnet_id: str | None = None
) -> str:
    wanted = backend.get_route_table(route_table_id)
    if subnet_id:
        subnet = backend.get_subnet(subnet_id)
        if subnet.vpc_id != wanted.vpc_id:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Route table {route_table_id} and subnet {subnet_id} belong to different networks",
            )
        for table in backend.route_tables.values():
            if table is not wanted and subnet_id in table._associations.values():
                raise EC2ClientError(
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {route_table_id} conflicts with "
                    "an existing association",
                )
    return _moto_associate(backend, route_table_id, gateway_id, subnet_id)


def _attach(backend: Any, internet_gateway_id: str, vpc_id: str) -> Any:
    for gateway in backend.internet_gateways.values():
        own = gateway.vpc is not None and gateway.vpc.id == vpc_id
        if own and gateway.id != internet_gateway_id:
            raise EC2ClientError(
                "InvalidParameterValue",
                f"Network {vpc_id} already has an internet gateway attached",
            )
    return _moto_attach(backend, internet_gateway_id, vpc_id)


def _detach(backend: Any, internet_gateway_id: str, vpc_id: str) -> Any:
    if any(
        nic.public_ip and nic.subnet.vpc_id == vpc_id
        for nic in list(backend.enis.values())
        if nic.instance is None or nic.instance._state.name != "terminated"
    ):
        raise EC2ClientError(
            "DependencyViolation",
            f"Network {vpc_id} has some mapped public address(es). "
            "Please unmap those public address(es) before detaching the gateway.",
        )
    return _moto_detach(backend, internet_gateway_id, vpc_id)
