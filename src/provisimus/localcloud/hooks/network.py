"""Public addresses and security groups: what moto says about them becomes true at once."""

from __future__ import annotations

import logging
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import elastic_ip_addresses, elastic_network_interfaces
from moto.ec2.models.elastic_network_interfaces import NetworkInterface
from moto.ec2.models.security_groups import SecurityGroupBackend
from moto.ec2.models.subnets import Subnet

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks import describe
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.network import next_private_address, next_public_address

log = logging.getLogger(__name__)


def install(cloud: Cloud) -> None:
    """Replace moto's functions and methods."""

    def public_address() -> str:
        return next_public_address(taken_addresses(cloud), cloud.port)

    # Both modules took the function over by name when they were imported.
    for module, name in (
        (elastic_network_interfaces, "random_public_ip"),
        (elastic_ip_addresses, "random_ip"),
    ):
        setattr(module, name, public_address)

    def private_address(subnet: Any, instance: Any) -> str:
        # moto counts on with a generator, which begins again after a restart.
        reserved = {str(address) for address in subnet._reserved_ips}
        try:
            address = next_private_address(subnet.cidr_block, {*subnet._subnet_ips, *reserved})
        except LocalCloudError as error:
            raise EC2ClientError("InsufficientFreeAddressesInSubnet", error.what) from error
        subnet._subnet_ips[address] = instance
        return address

    replace(Subnet, "get_available_subnet_ip", private_address)

    def begin_anew(vpc: str, interfaces: frozenset[str]) -> None:
        # As when their host fails: they are recovered (`instances.ended_by_itself`).
        for instance in cloud.instances():
            if any(nic.id in interfaces for nic in instance.nics.values()):
                log.info("%s was in the network of %s", instance.id, vpc)
                cloud.machines.kill(instance.id)

    cloud.networks.lost.append(begin_anew)

    moto_delete = SecurityGroupBackend.delete_security_group

    def delete_security_group(backend: Any, name: Any = None, group_id: Any = None) -> None:
        group = (
            backend.get_security_group_from_id(group_id)
            if group_id
            else backend.get_security_group_by_name_or_id(name)
        )
        for nic in list(backend.enis.values()) if group is not None else ():
            if any(own.id == group.id for own in nic.group_set):
                raise EC2ClientError(
                    "DependencyViolation", f"resource {group.id} has a dependent object"
                )
        moto_delete(backend, name, group_id)

    replace(SecurityGroupBackend, "delete_security_group", delete_security_group)


def apply(cloud: Cloud) -> None:
    """Make addresses, ports and rules what the records say now; after each change of them."""
    try:
        if cloud.networks.unavailable is None:
            cloud.networks.refresh()
            return
        for instance in cloud.instances():
            if cloud.machines.is_running(instance.id):
                cloud.machines.set_interface(instance.id, describe.interface(instance))
    except LocalCloudError as error:
        log.error("the network is not as it should be: %s", error.what)


def taken_addresses(cloud: Cloud) -> set[str]:
    """The public addresses that somebody has."""
    from moto.ec2.models import ec2_backends

    taken: set[str] = set()
    for backend in list(ec2_backends[cloud.account].values()):
        nics: list[NetworkInterface] = list(backend.enis.values())
        taken |= {nic.public_ip for nic in nics if nic.public_ip}
        taken |= {address.public_ip for address in list(backend.addresses)}
    return taken
