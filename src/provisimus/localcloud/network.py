"""The one seam for everything about addresses: private, public, and which ports are forwarded.

Today: QEMU's user-mode networking. Each machine has a private network of its own, in which it gets
exactly the address that EC2 reports, and a public loopback address 127.9.x.y of its own on which
exactly the TCP ports that its security groups open are forwarded.

What this does not simulate, honestly:
- Machines cannot reach each other at their private addresses.
- Any client of this machine counts as "from anywhere": a rule opens its ports when its source
  contains a loopback address (0.0.0.0/0, 127.0.0.0/8 …); other sources, other security groups and
  UDP open nothing.
- Egress rules do nothing: guests reach what this machine reaches, and the gateway of their private
  network leads to this machine's loopback, because user-mode networking is not ``restrict``-ed.
  (What stands there for this machine's user alone, the control API, refuses guests by itself.)

The metadata service has a wire of its own (``metadata/``): a second network card, whose other end
is a socket of ours.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from provisimus.localcloud.faults import LocalCloudError

MOST_PORTS = 64
"""How many ports one machine may have open; each is a listening socket of its own."""

_LOOPBACK = ipaddress.ip_network("127.0.0.0/8")


@dataclass(frozen=True)
class Rule:
    """One ingress permission of a security group, as EC2 has it; None ports mean all."""

    protocol: str
    first: int | None
    last: int | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Interface:
    """How one machine is attached: its addresses and the ports forwarded to it."""

    private_address: str
    subnet: str
    mac: str
    public_address: str | None
    ports: tuple[int, ...]


@dataclass(frozen=True)
class OpenPorts:
    """The ports that rules open, and in words what of the rules is not simulated."""

    ports: tuple[int, ...]
    not_simulated: tuple[str, ...] = ()


def open_ports(rules: Iterable[Rule]) -> OpenPorts:
    """Which ports to forward for these rules. Too wide a range opens nothing and is reported."""
    ports: set[int] = set()
    told: list[str] = []
    for rule in rules:
        if not any(_reaches_loopback(source) for source in rule.sources):
            continue
        if rule.protocol not in ("tcp", "6", "-1"):
            told.append(f"protocol {rule.protocol} is not forwarded")
            continue
        first = rule.first if rule.first is not None and rule.protocol != "-1" else 1
        last = rule.last if rule.last is not None and rule.protocol != "-1" else 65535
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

    The first four and the last are never given: AWS keeps them, and user-mode networking has its
    gateway and name server there.
    """
    network = ipaddress.ip_network(subnet)
    used = set(taken)
    for index in range(4, network.num_addresses - 1):
        address = str(network[index])
        if address not in used:
            return address
    raise LocalCloudError(f"no address is free in subnet {subnet}", "use a larger subnet")


def gateway(subnet: str) -> str:
    """The address at which a guest of this subnet reaches this computer's loopback."""
    return str(ipaddress.ip_network(subnet, strict=False)[2])


def netdev_argument(interface: Interface) -> str:
    """The value of QEMU's ``-netdev``: DHCP hands out the private address first and only.

    Gateway and name server are named: QEMU's own choice lies in the midst of a large subnet.
    """
    network = ipaddress.ip_network(interface.subnet, strict=False)
    parts = [
        "user,id=net0",
        f"net={network}",
        f"host={network[2]}",
        f"dns={network[3]}",
        f"dhcpstart={interface.private_address}",
        "ipv6=off",
    ]
    if interface.public_address:
        parts += [f"hostfwd={forward(interface.public_address, p)}" for p in interface.ports]
    return ",".join(parts)


def forward(public_address: str, port: int) -> str:
    """One forwarding, as ``hostfwd`` and ``hostfwd_add`` spell it."""
    return f"tcp:{public_address}:{port}-:{port}"


def forward_changes(before: Interface, after: Interface) -> tuple[str, ...]:
    """Monitor commands that lead a running machine from one set of forwardings to another."""
    had = {(before.public_address, port) for port in before.ports if before.public_address}
    wants = {(after.public_address, port) for port in after.ports if after.public_address}
    return (
        *(f"hostfwd_remove net0 tcp:{address}:{port}" for address, port in sorted(had - wants)),
        *(
            f"hostfwd_add net0 {forward(str(address), port)}"
            for address, port in sorted(wants - had)
        ),
    )
