"""VPCs and subnets: their ranges, their zones, and what must be gone before they can go.

Sources: EC2 API reference, CreateVpc, CreateSubnet, DeleteVpc, DeleteSubnet; VPC user guide,
"Subnet sizing".
"""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.ec2.exceptions import (
    DependencyViolationError,
    EC2ClientError,
    InvalidAvailabilityZoneError,
    InvalidSubnetRangeError,
)
from moto.ec2.models.subnets import SubnetBackend
from moto.ec2.models.vpcs import VPCBackend

from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.hooks.vpc.tags import forget

_SMALLEST, _LARGEST = 28, 16
_moto_create_vpc = VPCBackend.create_vpc
_moto_default_vpc = VPCBackend.create_default_vpc
_moto_delete_vpc = VPCBackend.delete_vpc
_moto_create_subnet = SubnetBackend.create_subnet
_moto_delete_subnet = SubnetBackend.delete_subnet


def install() -> None:
    """Replace moto's methods."""
    replace(VPCBackend, "create_vpc", _create_vpc)
    replace(VPCBackend, "create_default_vpc", _create_default_vpc)
    replace(VPCBackend, "delete_vpc", _delete_vpc)
    replace(SubnetBackend, "create_subnet", _create_subnet)
    replace(SubnetBackend, "delete_subnet", _delete_subnet)


def canonical(block: str | None) -> str | None:
    """A CIDR block with its host bits cleared, as EC2 keeps it; what is none stays as it is."""
    try:
        return str(ipaddress.ip_network(block, strict=False)) if block else block
    except ValueError:
        return block


def equip_default_vpc(backend: Any) -> None:
    """Its internet gateway, and the route there ("Default VPC components"), where not there yet."""
    vpc = next((each for each in backend.vpcs.values() if each.is_default), None)
    if vpc is None or any(_is_in(g.vpc, vpc.id) for g in backend.internet_gateways.values()):
        return
    gateway = backend.create_internet_gateway()
    backend.attach_internet_gateway(gateway.id, vpc.id)
    table = next(
        each for each in backend.route_tables.values()
        if each.vpc_id == vpc.id and each.main_association_id
    )  # fmt: skip
    backend.create_route(table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id)


def _create_default_vpc(backend: Any) -> Any:
    made = _moto_default_vpc(backend)
    equip_default_vpc(backend)
    return made


def _create_vpc(backend: Any, cidr_block: str, *args: Any, **kw: Any) -> Any:
    return _moto_create_vpc(backend, canonical(cidr_block) or "", *args, **kw)


def _delete_vpc(backend: Any, vpc_id: str) -> Any:
    backend.get_vpc(vpc_id)
    own = (
        [gateway for gateway in backend.internet_gateways.values() if _is_in(gateway.vpc, vpc_id)]
        + [each for each in backend.egress_only_internet_gateways.values() if each.vpc_id == vpc_id]
        + [group for group in backend.groups[vpc_id].values() if not group.is_default]
        + [acl for acl in backend.network_acls.values() if acl.vpc_id == vpc_id and not acl.default]
        + [
            endpoint
            for endpoint in backend.vpc_end_points.values()
            if endpoint.vpc_id == vpc_id and endpoint.state != "deleted"
        ]
    )
    if own:
        raise DependencyViolationError(
            f"The vpc '{vpc_id}' has dependencies and cannot be deleted."
        )
    gone = _moto_delete_vpc(backend, vpc_id)
    for acl in [each for each in backend.network_acls.values() if each.vpc_id == vpc_id]:
        backend.network_acls.pop(acl.id)
    forget(backend, vpc_id)
    return gone


def _create_subnet(
    backend: Any,
    vpc_id: str,
    cidr_block: str,
    ipv6_cidr_block: str | None = None,
    availability_zone: str | None = None,
    *args: Any,
    **kw: Any,
) -> Any:
    vpc = backend.get_vpc(vpc_id)
    zones = [zone.name for zone in backend.describe_availability_zones()]
    if availability_zone and availability_zone not in zones:
        raise InvalidAvailabilityZoneError(availability_zone, ", ".join(zones))
    block = canonical(cidr_block)
    if block and "/" in block and not _LARGEST <= int(block.rpartition("/")[2]) <= _SMALLEST:
        raise InvalidSubnetRangeError(block)
    made = _moto_create_subnet(
        backend, vpc_id, block or "", ipv6_cidr_block, availability_zone, *args, **kw
    )
    if not vpc.is_default:
        # moto takes the first subnet of a zone for its default one, wherever it is.
        made.default_for_az = made.map_public_ip_on_launch = False
    return made


def _delete_subnet(backend: Any, subnet_id: str) -> Any:
    backend.get_subnet(subnet_id)
    if any(nic.subnet.id == subnet_id for nic in list(backend.enis.values())):
        raise EC2ClientError(
            "DependencyViolation",
            f"The subnet '{subnet_id}' has dependencies and cannot be deleted.",
        )
    for acl in backend.network_acls.values():
        for key in [k for k, each in acl._associations.items() if each.subnet_id == subnet_id]:
            acl._associations.pop(key)
    for table in backend.route_tables.values():
        for key in [k for k, target in table._associations.items() if target == subnet_id]:
            table._associations.pop(key)
    forget(backend, subnet_id)
    return _moto_delete_subnet(backend, subnet_id)


def _is_in(vpc: Any, vpc_id: str) -> bool:
    return vpc is not None and vpc.id == vpc_id
