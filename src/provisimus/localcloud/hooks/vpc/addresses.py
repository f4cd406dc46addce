"""Elastic addresses: with one interface at a time, through its stops and starts, until let go.

Sources: EC2 API reference, AssociateAddress, ReleaseAddress; user guide, "Elastic IP addresses".
"""

from __future__ import annotations

from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.elastic_ip_addresses import ElasticAddressBackend
from moto.ec2.models.elastic_network_interfaces import NetworkInterface

from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.hooks.vpc.tags import forget

_moto_associate = ElasticAddressBackend.associate_address
_moto_release = ElasticAddressBackend.release_address
_moto_stop = NetworkInterface.stop
_moto_check = NetworkInterface.check_auto_public_ip


def install() -> None:
    """Replace moto's methods."""
    replace(ElasticAddressBackend, "associate_address", _associate)
    replace(ElasticAddressBackend, "disassociate_address", _disassociate)
    replace(ElasticAddressBackend, "release_address", _release)
    replace(NetworkInterface, "stop", _stop)
    replace(NetworkInterface, "check_auto_public_ip", _check_auto_public_ip)


def let_go(address: Any) -> None:
    """Take an address away from the interface that has it, if any."""
    nic = address.eni
    address.eni = address.instance = address.association_id = None
    if nic is not None and nic.public_ip == address.public_ip:
        nic.public_ip = None
        if nic.instance is not None and nic.instance._state.name == "running":
            nic.check_auto_public_ip()


def _associate(
    backend: Any,
    instance: Any = None,
    eni: Any = None,
    address: str | None = None,
    allocation_id: str | None = None,
    reassociate: bool = False,
) -> Any:
    found = _one(backend, address, allocation_id)
    target = eni or (instance.nics[0] if instance else None)
    if found.eni is not None and found.eni is not target and reassociate:
        let_go(found)
    # "an instance that has an existing Elastic IP address: the existing address is disassociated"
    for other in backend.addresses:
        if other is not found and target is not None and other.eni is target:
            let_go(other)
    return _moto_associate(backend, instance, eni, address, allocation_id, reassociate)


def _disassociate(
    backend: Any, address: str | None = None, association_id: str | None = None
) -> None:
    found = (
        backend.address_by_ip([address])
        if address
        else backend.address_by_association([association_id])
    )
    let_go(found[0])


def _release(backend: Any, address: str | None = None, allocation_id: str | None = None) -> None:
    found = _one(backend, address, allocation_id)
    if found.association_id and found.domain == "vpc":
        raise EC2ClientError(
            "InvalidIPAddress.InUse",
            f"The address {found.public_ip} is associated and cannot be released.",
        )
    forget(backend, found.allocation_id)
    _moto_release(backend, address, allocation_id)


def _one(backend: Any, address: str | None, allocation_id: str | None) -> Any:
    if address:
        return backend.address_by_ip([address])[0]
    return backend.address_by_allocation([allocation_id])[0]


def _stop(nic: Any) -> None:
    if not _has_elastic(nic):
        _moto_stop(nic)


def _check_auto_public_ip(nic: Any) -> None:
    if not _has_elastic(nic):
        _moto_check(nic)


def _has_elastic(nic: Any) -> bool:
    return any(address.eni is nic for address in nic.ec2_backend.addresses)
