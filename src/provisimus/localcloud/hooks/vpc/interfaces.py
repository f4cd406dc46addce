"""Network interfaces: an address of the subnet that nobody else has, and groups that exist.

Source: EC2 API reference, CreateNetworkInterface, ModifyNetworkInterfaceAttribute.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.ec2.exceptions import EC2ClientError, InvalidSecurityGroupNotFoundError
from moto.ec2.models.elastic_network_interfaces import NetworkInterfaceBackend

from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.hooks.vpc.addresses import let_go
from provisimus.localcloud.hooks.vpc.tags import forget

_moto_create = NetworkInterfaceBackend.create_network_interface
_moto_delete = NetworkInterfaceBackend.delete_network_interface
_moto_modify = NetworkInterfaceBackend.modify_network_interface_attribute


def install() -> None:
    """Replace moto's methods."""
    replace(NetworkInterfaceBackend, "create_network_interface", _create)
    replace(NetworkInterfaceBackend, "delete_network_interface", _delete)
    replace(NetworkInterfaceBackend, "modify_network_interface_attribute", _modify)


def _create(
    backend: Any,
    subnet: Any,
    private_ip_address: Any,
    private_ip_addresses: Any = None,
    group_ids: list[str] | None = None,
    *args: Any,
    **kw: Any,
) -> Any:
    for group_id in group_ids or ():
        if backend.get_security_group_from_id(group_id) is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
    place = backend.get_subnet(subnet) if isinstance(subnet, str) else subnet
    if not private_ip_address and not private_ip_addresses:
        private_ip_address = place.get_available_subnet_ip(None)
    elif isinstance(private_ip_address, str) and "device_index" not in kw:
        # RunInstances, which names a device, has taken its address already.
        _refuse_stray(backend, place, private_ip_address)
    nic = _moto_create(
        backend, subnet, private_ip_address, private_ip_addresses, group_ids, *args, **kw
    )
    place._subnet_ips.setdefault(nic.private_ip_address, nic.instance)
    return nic


def _delete(backend: Any, eni_id: str) -> None:
    nic = backend.get_network_interface(eni_id)
    _moto_delete(backend, eni_id)
    forget(backend, eni_id)
    for address in backend.addresses:
        if address.eni is nic:
            let_go(address)
    for each in nic.private_ip_addresses:
        nic.subnet.del_subnet_ip(each["PrivateIpAddress"])


def _modify(
    backend: Any,
    eni_id: str,
    group_ids: list[str],
    source_dest_check: bool | None = None,
    description: str | None = None,
) -> None:
    for group_id in group_ids:
        if backend.get_security_group_from_id(group_id) is None:
            raise InvalidSecurityGroupNotFoundError(group_id)
    _moto_modify(backend, eni_id, group_ids, source_dest_check, description)
    if description == "":  # moto takes an empty text for none
        backend.get_network_interface(eni_id).description = ""


def _refuse_stray(backend: Any, subnet: Any, address: str) -> None:
    try:
        inside = ipaddress.ip_address(address) in ipaddress.ip_network(subnet.cidr_block)
    except ValueError:
        inside = False
    if not inside:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Address {address} does not fall within the subnet's address range",
        )
    for nic in backend.enis.values():
        if nic.subnet.id == subnet.id and nic.private_ip_address == address:
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {address} is in use.")
