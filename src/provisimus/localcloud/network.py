"""Addresses: which are free, and which ports of a machine its public address has open here.

A public address is one of this computer's loopback, 127.9.x.y, and any client of this computer
counts as "from anywhere": a rule opens its ports when its source contains a loopback address
(0.0.0.0/0, 127.0.0.0/8 …). Other sources, other security groups and UDP open nothing here; inside
a VPC they are as real as any (``networks/``).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.networks.picture import Rule

MOST_PORTS = 64
"""How many ports one machine may have open; each is a listening socket of its own."""

_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@dataclass(frozen=True)
class Interface:
    """How one machine is attached: its addresses, and the ports that this computer reaches."""

    private_address: str
    subnet: str
    """The subnet's block."""
    mac: str
    public_address: str | None
    ports: tuple[int, ...]
    identifier: str = ""
    vpc: str = ""


@dataclass(frozen=True)
class OpenPorts:
    """The ports that rules open, and in words what of the rules is not simulated."""

    ports: tuple[int, ...]
    not_simulated: tuple[str, ...] = ()


def open_ports(rules: Iterable[Rule]) -> OpenPorts:
    """Which ports to listen at for these rules. Too wide a range opens nothing and is reported."""
    ports: set[int] = set()
    told: list[str] = []
    for rule in rules:
        if not any(_reaches_loopback(peer) for peer in rule.peers):
            continue
        if rule.protocol not in ("tcp", "6", "-1"):
            told.append(f"protocol {rule.protocol} is not forwarded")
            continue
        first, last = rule.ports if rule.ports is not None else (1, 65535)
        first = max(first, 1)
        if last - first >= MOST_PORTS:
            told.append(
                f"ports {first}-{last} are not forwarded: more than {MOST_PORTS}; name single ports"
            )
            continue
        ports.update(range(first, last + 1))
    if len(ports) > MOST_PORTS:
        told.append(f"only the first {MOST_PORTS} of {len(ports)} open ports are forwarded")
    return OpenPorts(tuple(sorted(ports)[:MOST_PORTS]), tuple(told))


def _reaches_loopback(source: str) -> bool:
    try:
        network = ipaddress.ip_network(source, strict=False)
    except ValueError:
        return False
    return isinstance(network, ipaddress.IPv4Network) and network.overlaps(_LOOPBACK)


def next_public_address(taken: Iterable[str], port: int) -> str:
    """A free 127.9.x.y. The API's port chooses x, so that two local clouds do not meet.

    Raises LocalCloudError when all are taken.
    """
    used = set(taken)
    for block in range(256):
        for host in range(1, 255):
            address = f"127.9.{(port + block) % 256}.{host}"
            if address not in used:
                return address
    raise LocalCloudError("all public addresses 127.9.0.0/16 are taken", "terminate instances")


def next_private_address(subnet: str, taken: Iterable[str]) -> str:
    """The lowest free address of a subnet. Raises LocalCloudError when it is full.

    The first four and the last are never given: AWS keeps them ("Subnet sizing").
    """
    network = ipaddress.ip_network(subnet)
    used = set(taken)
    for index in range(4, network.num_addresses - 1):
        address = str(network[index])
        if address not in used:
            return address
    raise LocalCloudError(f"no address is free in subnet {subnet}", "use a larger subnet")


def gateway(subnet: str) -> str:
    """The address at which a guest of this subnet reaches ports of this computer's loopback."""
    return str(ipaddress.ip_network(subnet, strict=False)[2])
