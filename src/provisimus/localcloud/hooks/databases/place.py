"""Where a server stands: an interface of its own in a subnet of its group, and a name.

Sources: "Working with a DB instance in a VPC" and "Hiding a DB instance in a VPC from the internet"
in the RDS User Guide.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from typing import Any

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.network import next_public_address

DESCRIPTION = "RDSNetworkInterface"
_OWNER = "amazon-rds"


def endpoint_name(identifier: str, account: str, region: str) -> str:
    """The DNS name: the twelve letters are the same for all of an account in a region."""
    digest = hashlib.sha256(f"{account}/{region}".encode()).digest()
    letters = "c" + base64.b32encode(digest).decode().lower()[:11]
    return f"{identifier}.{letters}.{region}.rds.amazonaws.com"


def subnets(ec2: Any, group: Any) -> Sequence[Any]:
    """Of the DB subnet group, or those of the default VPC."""
    if group is not None:
        return list(group._subnets)
    return list(ec2.get_default_subnets().values())


def chosen_subnet(candidates: Sequence[Any], zone: str | None) -> Any | None:
    """The one in the zone, or the one with the most free addresses, the first of equals."""
    there = [each for each in candidates if zone in (None, "", each.availability_zone)]
    ordered = sorted(there, key=lambda each: (-int(each.available_ip_address_count), each.id))
    return ordered[0] if ordered else None


def interface(cloud: Cloud, database: Any) -> Any:
    """The interface of a DB instance, made where it has none. Raises EC2ClientError."""
    ec2, local = _ec2(cloud, database), database.local
    if local.interface not in ec2.enis:
        nic = ec2.create_network_interface(
            local.subnet, None, group_ids=list(database.vpc_security_group_ids),
            description=DESCRIPTION,
        )  # fmt: skip
        nic.requester_managed, nic.requester_id, nic.status = True, _OWNER, "in-use"
        local.interface = nic.id
    nic = ec2.enis[local.interface]
    if not database.publicly_accessible:
        nic.public_ip = None
    elif not nic.public_ip:
        nic.public_ip = next_public_address(_taken(cloud), cloud.port)
    return nic


def take(cloud: Cloud, database: Any) -> Any:
    """Have the interface's address on this computer, and its name known. Raises LocalCloudError.

    A public address listens on this computer as an instance's does: at the ports that security
    groups open.
    """
    with cloud.changes:
        nic = interface(cloud, database)
        nic._group_set[:] = [
            _ec2(cloud, database).get_security_group_from_id(each)
            for each in database.vpc_security_group_ids
        ]
    cloud.networks.claim(nic)
    cloud.networks.name(database.address, (nic.private_ip_address,))
    return nic


def leave(cloud: Cloud, database: Any) -> None:
    """Give up interface, address and name. Raises EC2ClientError, LocalCloudError."""
    cloud.networks.forget_name(database.address)
    found = database.local.interface
    with cloud.changes:
        nic = _ec2(cloud, database).enis.get(found)
        if nic is not None:  # who deleted its network may have deleted it, too
            nic.requester_managed = False  # as such nobody may delete it
            _ec2(cloud, database).delete_network_interface(found)
    if found:
        cloud.networks.release(found)
    database.local.interface = None


def public_address(cloud: Cloud, database: Any) -> str | None:
    """Its address on this computer, where it has one."""
    nic = _ec2(cloud, database).enis.get(database.local.interface)
    return nic.public_ip if nic is not None else None


def _ec2(cloud: Cloud, database: Any) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[cloud.account][database.region]


def _taken(cloud: Cloud) -> set[str]:
    from provisimus.localcloud.hooks.network import taken_addresses

    return taken_addresses(cloud)
