"""All networks of this local cloud, and what of this computer they are joined to.

May be called from any thread. What is wanted is drawn from the API's records (`draw`); everything
here makes that true. Nothing here may be called by one that holds what `draw` waits for.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import sleep
from typing import Protocol

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.network import Interface
from provisimus.localcloud.networks import user_mode
from provisimus.localcloud.networks.namespace import why_none
from provisimus.localcloud.networks.picture import Picture
from provisimus.localcloud.networks.plug import Plug
from provisimus.localcloud.networks.relays import Relays, Served
from provisimus.localcloud.networks.resolver import Known
from provisimus.localcloud.networks.ruleset import OUTSIDE
from provisimus.localcloud.networks.vpc import VpcNetwork, resolver_of
from provisimus.localcloud.processes import Nursery

log = logging.getLogger(__name__)


class Drawing(Protocol):
    """What the API's records say, for `Networks`."""

    def picture(self, vpc: str, interfaces: frozenset[str]) -> Picture | None:
        """The VPC with those of its interfaces that are in use; None when it is gone."""

    def vpc_of(self, interface: str) -> str | None:
        """The VPC that an interface lies in; None when it is gone."""

    def find(self, vpc: str, name: str, kind: str) -> Known | None:
        """What the zones of this cloud say of a name; None for a name of others."""


class Nic(Protocol):
    """moto's network interface, as far as it matters here."""

    id: str


_PATIENCE = (0.01, 0.04, 0.15, 0.3)
"""Seconds between attempts to listen at a port that is taken."""

_Place = tuple[str, int]
"""An address and a port of this computer."""
_Target = tuple[str, str, int]
"""A VPC, an address in it, and a port there."""


class Networks:
    """Every VPC in which something runs."""

    def __init__(
        self,
        nursery: Nursery,
        layout: Layout,
        drawing: Drawing,
        region: str,
        ports: tuple[int, ...],
    ) -> None:
        """``ports`` of this computer are open to all machines that may reach AWS's API."""
        self._nursery = nursery
        self._layout = layout
        self._drawing = drawing
        self._region = region
        self._ports = set(ports)
        self._turn = threading.RLock()
        self._tried = False
        self._why: str | None = None
        self._relays: Relays | None = None
        self._vpcs: dict[str, VpcNetwork] = {}
        self._plugged: dict[str, tuple[str, str]] = {}
        """Per machine's interface, its VPC and its device."""
        self._claimed: dict[str, str] = {}
        """Per service's interface, its VPC."""
        self._published: dict[_Place, _Target] = {}
        self._listening: dict[_Place, tuple[_Target, Served]] = {}
        self._refused: set[tuple[str, int]] = set()
        self._names: dict[str, tuple[str, ...]] = {}
        self.lost: list[Callable[[str, frozenset[str]], None]] = []
        """Told when the keeper of a VPC's network was killed: the VPC, and the interfaces that
        were plugged in or claimed there. What used them must end, and may come again."""

    @property
    def unavailable(self) -> str | None:
        """Why networks cannot be made on this computer; None when they can."""
        with self._turn:
            if not self._tried:
                self._why = why_none(self._nursery, self._log)
                self._tried = True
            return self._why

    def plug(self, card: Interface) -> Plug:
        """Join a machine's card to its VPC; where that cannot be, to nothing but this computer.

        Raises LocalCloudError.
        """
        if self.unavailable is not None:
            return user_mode.plug(card)
        with self._turn:
            network = self._network(card.vpc)
            picture = self._drawing.picture(card.vpc, frozenset())
            if picture is None:
                raise LocalCloudError(f"{card.vpc} is gone")
            name, device = network.plug(card, resolver_of(picture))
            self._plugged[card.identifier] = card.vpc, name
            undo = partial(self._unplug, network, card, name)
            try:
                self.refresh()
            except LocalCloudError:
                os.close(device)
                undo()
                raise
        return Plug(f"tap,id=net0,fd={device}", (device,), undo)

    def claim(self, nic: Nic) -> None:
        """Have an interface's address be this computer's own inside its VPC.

        Its security groups hold. Raises LocalCloudError.
        """
        vpc = self._drawing.vpc_of(nic.id)
        if vpc is None:
            raise LocalCloudError(f"the network interface {nic.id} is gone")
        with self._turn:
            self._network(vpc)
            self._claimed[nic.id] = vpc
            self.refresh()

    def release(self, interface: str) -> None:
        """Undo `claim`; what listens there must have ended."""
        with self._turn:
            if self._claimed.pop(interface, None) is not None:
                self.refresh()

    def within(self, vpc: str) -> tuple[str, ...]:
        """What comes before a program's arguments, so that it runs in a VPC in which something is
        claimed. Raises LocalCloudError.
        """
        with self._turn:
            return self._network(vpc).namespace.within

    def publish(self, public: str, port: int, vpc: str, private: str) -> None:
        """Listen on this computer, and carry connections to the same port of an address in a VPC.

        Raises LocalCloudError when the port is taken.
        """
        with self._turn:
            self._published[public, port] = vpc, private, port
            self._refused.discard((public, port))
            self.refresh()
            if (public, port) not in self._listening:
                del self._published[public, port]
                raise LocalCloudError(f"port {port} of {public} cannot be listened at")

    def tunnel(self, interface: str, address: str, port: int) -> int:
        """A port of 127.0.0.1 that leads to one of a machine, whatever its groups say.

        As a session manager does that needs no open port. Raises LocalCloudError.
        """
        with self._turn:
            vpc, _ = self._plugged.get(interface, (None, None))
            if vpc is None:
                raise LocalCloudError(
                    f"there is no network to {address}", self.unavailable or "is it running?"
                )
            for (host, known), target in self._published.items():
                if host == "127.0.0.1" and target == (vpc, address, port):
                    return known
            free = _free_port()
            self._published["127.0.0.1", free] = vpc, address, port
            self.refresh()
            return free

    def unpublish(self, public: str, port: int) -> None:
        with self._turn:
            if self._published.pop((public, port), None) is not None:
                self.refresh()

    def name(self, name: str, addresses: tuple[str, ...]) -> None:
        """Have every VPC's name server answer a name of a service with addresses."""
        self._names[name.lower()] = addresses

    def forget_name(self, name: str) -> None:
        self._names.pop(name.lower(), None)

    def expose(self, port: int) -> None:
        """Let machines reach a port of this computer's loopback at their subnet's second address"""
        with self._turn:
            self._ports.add(port)
            self.refresh()

    def carries(self, port: int) -> bool:
        """Whether connections from this port of this computer are a machine's."""
        return self._relays is not None and port in self._relays.carried

    def refresh(self) -> None:
        """Make everything what the records say now. Raises LocalCloudError."""
        with self._turn:
            wanted = dict(self._published)
            for vpc, network in list(self._vpcs.items()):
                used = self._used(vpc)
                picture = self._drawing.picture(vpc, used) if used else None
                if picture is None or not picture.members:
                    if not used:
                        self._vpcs.pop(vpc).close()
                    continue
                network.apply(picture, self._ports)
                for member in picture.members:
                    if member.public:
                        wanted.update(
                            {
                                (member.public, port): (vpc, member.address, port)
                                for port in member.ports
                            }
                        )
            self._listen(wanted)

    def close(self) -> None:
        """End everything; machines and services must have ended before."""
        with self._turn:
            for _, served in self._listening.values():
                served.close()
            self._listening.clear()
            while self._vpcs:
                self._vpcs.popitem()[1].close()

    def _unplug(self, network: VpcNetwork, card: Interface, name: str) -> None:
        with self._turn:
            if self._vpcs.get(card.vpc) is not network:
                return
            network.unplug(card.identifier, name)
            if self._plugged.get(card.identifier) == (card.vpc, name):
                del self._plugged[card.identifier]
                with suppress(LocalCloudError):
                    self.refresh()

    def _watch(self, vpc: str, network: VpcNetwork) -> None:
        network.namespace.wait()
        with self._turn:
            if self._vpcs.get(vpc) is not network:
                return
            log.error("the network of %s was killed; what is in it begins anew", vpc)
            used = self._used(vpc)
            del self._vpcs[vpc]
            for interface in used:
                self._plugged.pop(interface, None)
                self._claimed.pop(interface, None)
            with suppress(LocalCloudError):
                self.refresh()  # what is published there is so no longer
            network.close()
        for tell in self.lost:
            tell(vpc, used)

    def _used(self, vpc: str) -> frozenset[str]:
        plugged = {each for each, (own, _) in self._plugged.items() if own == vpc}
        return frozenset(plugged | {each for each, own in self._claimed.items() if own == vpc})

    def _network(self, vpc: str) -> VpcNetwork:
        if self.unavailable is not None:
            raise LocalCloudError(
                f"networks cannot be made on this computer: {self.unavailable}",
                "install iproute2 and nftables, and run as root or allow user namespaces",
            )
        if vpc not in self._vpcs:
            if self._relays is None:
                self._relays = Relays()
            made = VpcNetwork(
                vpc, self._nursery, self._relays, self._log, partial(self._find, vpc), self._region
            )
            self._vpcs[vpc] = made
            threading.Thread(
                target=self._watch, args=(vpc, made), name=f"watch-{vpc}", daemon=True
            ).start()
        return self._vpcs[vpc]

    def _find(self, vpc: str, name: str, kind: str) -> Known | None:
        if name in self._names:
            return Known(self._names[name] if kind in ("A", "ANY") else ())
        found = self._drawing.find(vpc, name, kind)
        if found is not None and found.alias in self._names:
            return Known(self._names[found.alias] if kind in ("A", "ANY") else ())
        return found

    def _listen(self, wanted: dict[_Place, _Target]) -> None:
        for place, (target, served) in list(self._listening.items()):
            if wanted.get(place) != target or target[0] not in self._vpcs:
                served.close()
                del self._listening[place]
        self._refused &= set(wanted)
        for place in sorted(set(wanted) - set(self._listening) - self._refused):
            vpc, private, port = wanted[place]
            if vpc not in self._vpcs or self._relays is None:
                continue
            try:
                listener = _listener(place)
            except OSError as error:
                self._refused.add(place)
                log.error("port %s of %s is not open: %s", place[1], place[0], error.strerror)
                continue
            ask = partial(self._vpcs[vpc].namespace.socket, "client", source=OUTSIDE)
            connect = self._relays.inward(ask, private, port)
            self._listening[place] = wanted[place], self._relays.accept(listener, connect)

    @property
    def _log(self) -> Path:
        return self._layout.logs / "networks.log"


def _listener(place: _Place) -> socket.socket:
    """Listens at a place. Raises OSError when it stays taken.

    A program that another thread is just starting has this process's descriptors until it is
    loaded: what was closed a moment ago may still listen there.
    """
    for seconds in _PATIENCE:
        try:
            return socket.create_server(place, backlog=128)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        sleep(seconds)
    return socket.create_server(place, backlog=128)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
