"""NAT gateways: an address of their subnet, an elastic one if public, and nothing left of either.

Source: EC2 API reference, CreateNatGateway, DeleteNatGateway.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import nat_gateways
from moto.ec2.models.nat_gateways import NatGatewayBackend

from provisimus.localcloud.hooks.cloud import replace

_moto_create = NatGatewayBackend.create_nat_gateway
_moto_describe = NatGatewayBackend.describe_nat_gateways
_moto_delete = NatGatewayBackend.delete_nat_gateway


def install() -> None:
    """Replace moto's methods."""
    # moto makes an address up that is not of the subnet; without one, the subnet gives it.
    setattr(nat_gateways, "random_private_ip", lambda: None)  # noqa: B010
    replace(NatGatewayBackend, "create_nat_gateway", _create)
    replace(NatGatewayBackend, "describe_nat_gateways", _describe)
    replace(NatGatewayBackend, "delete_nat_gateway", _delete)


def living(backend: Any, identifier: str) -> Any:
    """The gateway of this id that is not deleted. Raises EC2ClientError."""
    found = backend.nat_gateways.get(identifier)
    if found is None or found.state == "deleted":
        raise EC2ClientError("NatGatewayNotFound", f"The Nat Gateway {identifier} was not found")
    return found


def _create(
    backend: Any,
    subnet_id: str,
    allocation_id: str | None,
    tags: Any = None,
    connectivity_type: str | None = "public",
) -> Any:
    backend.get_subnet(subnet_id)
    public = (connectivity_type or "public") == "public"
    if public and not allocation_id:
        raise EC2ClientError(
            "MissingParameter", "The request must contain the parameter AllocationId"
        )
    if not public and allocation_id:
        raise EC2ClientError(
            "InvalidParameterCombination", "AllocationId is not allowed for a private NAT gateway"
        )
    if public and backend.address_by_allocation([allocation_id])[0].association_id:
        raise EC2ClientError(
            "Resource.AlreadyAssociated",
            f"Elastic IP address [{allocation_id}] is already associated",
        )
    made = _moto_create(
        backend, subnet_id, allocation_id or "", tags, connectivity_type or "public"
    )
    made.private_ip = made._eni.private_ip_address
    return made


def _describe(backend: Any, filters: Any, nat_gateway_ids: list[str] | None) -> Any:
    for identifier in nat_gateway_ids or ():
        if identifier not in backend.nat_gateways:
            living(backend, identifier)
    return _moto_describe(backend, filters, nat_gateway_ids)


def _delete(backend: Any, nat_gateway_id: str) -> Any:
    gateway = living(backend, nat_gateway_id)
    backend.delete_network_interface(gateway._eni.id)
    return _moto_delete(backend, nat_gateway_id)
