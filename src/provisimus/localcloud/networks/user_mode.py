"""Where namespaces cannot be made: QEMU's user-mode networking, a network for each machine alone.

A machine gets exactly the address that EC2 reports, and the ports that its groups open are
forwarded at its public address. Not simulated then: machines cannot reach each other at their
private addresses; egress rules, network ACLs and routes do nothing: guests reach what this
computer reaches, and the gateway of their private network leads to this computer's loopback. (What
stands there for this computer's user alone, the control API, refuses guests by itself.)
"""

from __future__ import annotations

import ipaddress

from provisimus.localcloud.network import Interface
from provisimus.localcloud.networks.plug import Plug


def plug(interface: Interface) -> Plug:
    """A network of the machine's own."""
    return Plug(netdev_argument(interface))


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
