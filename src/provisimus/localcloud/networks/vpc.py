"""The network of one VPC, as long as something runs in it."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Iterable
from functools import partial
from itertools import count
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.network import Interface, gateway
from provisimus.localcloud.networks.dhcp import CLIENT_PORT, Lease, answer
from provisimus.localcloud.networks.namespace import Namespace
from provisimus.localcloud.networks.picture import Picture
from provisimus.localcloud.networks.relays import Relays, Served
from provisimus.localcloud.networks.resolver import PORT, Find, reply
from provisimus.localcloud.networks.ruleset import OUTSIDE, WAY_OUT, Inner, ruleset
from provisimus.localcloud.processes import Command, Nursery
from provisimus.localcloud.services import Service, Supervised

log = logging.getLogger(__name__)

_OWN_BLOCK = "198.18.255.0/24"
"""Of slirp4netns, beside every VPC's range."""


class VpcNetwork:
    """A namespace with what is in it. Callers take turns."""

    def __init__(
        self, vpc: str, nursery: Nursery, relays: Relays, log_file: Path, find: Find, region: str
    ) -> None:
        self.namespace = Namespace(nursery, log_file)
        self.taps: dict[str, str] = {}
        """Devices by their interface."""
        self._vpc = vpc
        self._nursery = nursery
        self._relays = relays
        self._log_file = log_file
        self._find = find
        self._domain = "ec2.internal" if region == "us-east-1" else f"{region}.compute.internal"
        self._numbers = count()
        self._leases: dict[str, Served] = {}
        self._own: set[str] = set()
        self._inner: dict[tuple[str, int], Served] = {}
        self._resolver: Served | None = None
        self._rules = ""
        self._until = os.pipe()
        """What ends slirp4netns when this process does."""
        self._open_way_out()

    def plug(self, card: Interface, resolver: str) -> tuple[str, int]:
        """Make the device of a card: its name, and its descriptor for QEMU."""
        name = f"tap{next(self._numbers)}"
        network = ipaddress.ip_network(card.subnet)
        router = str(network[1])
        given = {"name": name, "router": router, "address": card.private_address, "mac": card.mac}
        _, (device, questions) = self.namespace.ask("tap", **given)
        lease = Lease(
            card.private_address, card.subnet, router, resolver,
            f"ip-{card.private_address.replace('.', '-')}", self._domain,
        )  # fmt: skip
        bound = socket.socket(fileno=questions)
        self._leases[name] = self._relays.answer(bound, partial(answer, lease=lease), CLIENT_PORT)
        self.taps[card.identifier] = name
        return name, device

    def unplug(self, interface: str, name: str) -> None:
        """Forget a device, unless the interface has another by now; QEMU's end removes it."""
        if name in self._leases:
            self._leases.pop(name).close()
        if self.taps.get(interface) == name:
            del self.taps[interface]

    def apply(self, picture: Picture, ports: Iterable[int]) -> None:
        """Make the network what it shall be. Raises LocalCloudError."""
        inner = Inner(resolver_of(picture), _gateways(picture), tuple(sorted(ports)))
        served = {m.address for m in picture.members if m.interface not in self.taps}
        self._have_own({*served, inner.resolver, OUTSIDE, *inner.gateways})
        rules = ruleset(picture, inner, self.taps)
        if rules != self._rules:
            self.namespace.ask("rules", text=rules)
            self._rules = rules
        self._serve_inner({(each, port) for each in inner.gateways for port in inner.ports})
        if picture.resolver and self._resolver is None:
            bound = self.namespace.socket("listen", address=inner.resolver, port=PORT, kind="udp")
            self._resolver = self._relays.answer(bound, partial(reply, find=self._find))

    def close(self) -> None:
        """End everything in it."""
        for served in (*self._leases.values(), *self._inner.values(), self._resolver):
            if served is not None:
                served.close()
        self._way_out.stop()
        for descriptor in self._until:
            os.close(descriptor)
        self.namespace.close()

    def _have_own(self, wanted: set[str]) -> None:
        add, remove = sorted(wanted - self._own), sorted(self._own - wanted)
        if add or remove:
            self.namespace.ask("addresses", add=add, remove=remove)
            self._own = wanted

    def _serve_inner(self, wanted: set[tuple[str, int]]) -> None:
        for gone in set(self._inner) - wanted:
            self._inner.pop(gone).close()
        for address, port in sorted(wanted - set(self._inner)):
            listener = self.namespace.socket("listen", address=address, port=port)
            self._inner[address, port] = self._relays.accept(listener, self._relays.outward(port))

    def _open_way_out(self) -> None:
        """slirp4netns: connections that may leave go on as this computer's own."""
        command = Command(
            (
                *("slirp4netns", "--configure", "--disable-host-loopback", "--disable-dns"),
                *(f"--cidr={_OWN_BLOCK}", "--mtu=1500", f"--exit-fd={self._until[0]}"),
                *(*self.namespace.joining, WAY_OUT),
            ),
            output=self._log_file,
            keep_descriptors=(self._until[0],),
        )
        name = f"the way out of {self._vpc}"
        self._way_out = Supervised(self._nursery, Service(name, command, lambda: True, 1), grace=1)
        try:
            self._way_out.start()
        except LocalCloudError as error:
            log.warning("machines of %s have no way out: %s", self._vpc, error.what)


def resolver_of(picture: Picture) -> str:
    """The name server's address: the base of the VPC's first block plus two."""
    return str(ipaddress.ip_network(picture.blocks[0])[2])


def _gateways(picture: Picture) -> tuple[str, ...]:
    used = {member.subnet for member in picture.members}
    return tuple(gateway(each.block) for each in picture.subnets if each.identifier in used)
