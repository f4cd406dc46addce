"""Keeps a HAProxy behind every load balancer: a thread each, which makes true what is on record.

Nothing tells it what changed. It looks at the records whenever they may have changed, and twice a
second; what HAProxy has to know follows from them. So a restart, a killed process or a stopped
instance are no cases of their own.
"""

from __future__ import annotations

import logging
import shutil
import threading
import time
from functools import partial
from typing import Any

from provisimus.localcloud.balancers.haproxy import HAProxy
from provisimus.localcloud.balancers.health import BROKEN, REGISTERING, Health, Server, health
from provisimus.localcloud.balancers.model import Balancer
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks.balancers import metrics, records, targets
from provisimus.localcloud.hooks.balancers.wanted import group_name, wanted
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.machines import Machines
from provisimus.localcloud.processes import Nursery

log = logging.getLogger(__name__)

_TICK = 0.5
_RETRY = 5.0
_MOMENT = 0.1


class Keeper:
    """All balancers of this cloud."""

    def __init__(self, cloud: Cloud, nursery: Nursery) -> None:
        self._cloud, self._nursery = cloud, nursery
        self._kept: dict[str, Kept] = {}
        self._turn = threading.Lock()
        shutil.rmtree(cloud.layout.balancers, ignore_errors=True)

    def keep(self, backend: Any, arn: str) -> None:
        with self._turn:
            if arn not in self._kept:
                self._kept[arn] = Kept(self._cloud, self._nursery, backend, arn)

    def end(self, arn: str) -> None:
        """End what is behind a balancer that is about to be deleted."""
        with self._turn:
            kept = self._kept.pop(arn, None)
        if kept is not None:
            kept.end()

    def wake(self) -> None:
        """Something may have changed."""
        with self._turn:
            for kept in self._kept.values():
                kept.wake.set()

    def health(self, arn: str, group: Any, target: str) -> Health:
        """A target of a balancer, as its HAProxy sees it now."""
        with self._turn:
            kept = self._kept.get(arn)
        return kept.health(group_name(group.arn), target) if kept is not None else REGISTERING

    def lost(self, vpc: str, interfaces: frozenset[str]) -> None:
        """The network was killed beneath the balancers that have these interfaces."""
        with self._turn:
            for kept in self._kept.values():
                kept.lose(interfaces)

    def resume(self) -> None:
        """After a restart: every balancer is set up anew."""
        from moto.elbv2.models import elbv2_backends

        for backend in list(elbv2_backends[self._cloud.account].values()):
            for arn, balancer in list(backend.load_balancers.items()):
                balancer.state = "provisioning"
                self.keep(backend, arn)

    def status(self) -> list[dict[str, Any]]:
        with self._turn:
            return [kept.status() for kept in self._kept.values()]

    def stop(self) -> None:
        for arn in list(self._kept):
            self.end(arn)


class Kept:
    """One balancer with its process, its addresses and its thread."""

    def __init__(self, cloud: Cloud, nursery: Nursery, backend: Any, arn: str) -> None:
        self.wake = threading.Event()
        self._cloud, self._nursery, self._backend, self._arn = cloud, nursery, backend, arn
        self._over = threading.Event()
        self._proxy: HAProxy | None = None
        self._now: Balancer | None = None
        self._claimed: set[str] = set()
        self._published: set[tuple[str, int]] = set()
        self._named: str | None = None
        self._counts = metrics.Counts()
        self._not_before = 0.0
        self._seen: tuple[float, tuple[Server, ...]] = 0.0, ()
        self._lost = False
        self._thread = threading.Thread(target=self._run, name=arn.rpartition("/")[2], daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End the process first: nothing may listen at an address that is given back."""
        self._over.set()
        self.wake.set()
        self._thread.join()
        if self._proxy is not None:
            self._proxy.stop()
        networks = self._cloud.networks
        if self._named:
            networks.forget_name(self._named)
        undo = [partial(networks.unpublish, *place) for place in self._published]
        for give_back in [*undo, *(partial(networks.release, nic) for nic in self._claimed)]:
            try:
                give_back()
            except LocalCloudError as error:  # what it was is forgotten all the same
                log.error("load balancer %s: %s", self._arn, error.what)

    def lose(self, interfaces: frozenset[str]) -> None:
        if self._claimed & interfaces:
            self._lost = True
            self.wake.set()

    def health(self, group: str, target: str) -> Health:
        found = {(each.group, each.name): each for each in self._servers()}
        if (group, target) in found:
            return health(found[group, target])
        known = self._now is not None and any(
            (each.name, one.identifier) == (group, target)
            for each in self._now.groups
            for one in each.targets
        )
        return BROKEN if known else REGISTERING

    def status(self) -> dict[str, Any]:
        balancer = self._backend.load_balancers.get(self._arn)
        return {
            "name": balancer.name if balancer else None,
            "state": balancer.state if balancer else "deleted",
            "dns_name": balancer.dns_name if balancer else None,
            "pid": self._proxy.pid if self._proxy else None,
        }

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self._tick()
            except LocalCloudError as error:
                self._failed(" - ".join(part for part in (error.what, error.hint) if part))
            except Exception as error:
                log.exception("load balancer %s", self._arn)
                self._failed(f"{type(error).__name__}: {error}")
            self.wake.wait(_TICK)
            self.wake.clear()

    def _tick(self) -> None:
        if self._lost:
            self._lost = False
            self._begin_anew()
        with self._cloud.changes:
            balancer = self._backend.load_balancers.get(self._arn)
            if balancer is None:
                return
            ended = self._leave_ended(balancer)
            shall_be = wanted(self._backend, balancer)
        if shall_be != self._now and time.monotonic() >= self._not_before:
            self._become(balancer, shall_be)
        for group, target in ended:
            if self._proxy is not None:
                self._proxy.cut(group, target)
        if self._now == shall_be:
            self._activate(balancer)
        self._counts.requests.look(self._servers())
        self._counts.tell(self._cloud, self._backend, balancer)

    def _begin_anew(self) -> None:
        if self._proxy is not None:
            self._proxy.stop()
        self._proxy = self._now = None
        self._claimed.clear()
        while self._published:
            self._cloud.networks.unpublish(*self._published.pop())

    def _become(self, balancer: Any, shall_be: Balancer) -> None:
        networks, ec2 = self._cloud.networks, self._backend.ec2_backend
        nics = records.interfaces(balancer, ec2)
        for nic in nics:
            if nic.id not in self._claimed:
                networks.claim(nic)
                self._claimed.add(nic.id)
        if self._proxy is None:
            self._proxy = HAProxy(
                self._nursery,
                self._cloud.layout.balancers / self._arn.rpartition("/")[2],
                self._cloud.layout.logs / f"balancer-{balancer.name}.log",
                networks.within(balancer.vpc_id),
                Machines.owner(),
            )
        if shall_be.listeners:
            self._proxy.apply(shall_be)
        else:  # HAProxy does not run without any
            self._proxy.stop()
        self._publish(balancer, nics, shall_be)
        for gone in self._claimed - {nic.id for nic in nics}:
            networks.release(gone)
            self._claimed.discard(gone)
        self._now = shall_be

    def _publish(self, balancer: Any, nics: list[Any], shall_be: Balancer) -> None:
        networks = self._cloud.networks
        places = {
            (nic.public_ip, listener.port): nic.private_ip_address
            for nic in nics
            if nic.public_ip
            for listener in shall_be.listeners
        }
        for gone in self._published - set(places):
            networks.unpublish(*gone)
            self._published.discard(gone)
        for (public, port), private in places.items():
            if (public, port) not in self._published:
                networks.publish(public, port, balancer.vpc_id, private)
                self._published.add((public, port))
        if self._named not in (None, balancer.dns_name):
            networks.forget_name(str(self._named))
        self._named = balancer.dns_name
        networks.name(balancer.dns_name, shall_be.addresses)

    def _activate(self, balancer: Any) -> None:
        if balancer.state != "active":
            balancer.state, balancer.state_reason = "active", None
            log.info("load balancer %s is active at %s", balancer.name, balancer.dns_name)
            self._cloud.changed()

    def _failed(self, why: str) -> None:
        self._not_before = time.monotonic() + _RETRY
        log.error("load balancer %s: %s", self._arn, why)
        balancer = self._backend.load_balancers.get(self._arn)
        if balancer is not None and balancer.state == "provisioning":
            balancer.state, balancer.state_reason = "failed", why

    def _leave_ended(self, balancer: Any) -> list[tuple[str, str]]:
        """Let targets go whose instance is gone; tells those that have had their time to drain."""
        ended = []
        for group in self._backend.target_groups.values():
            if balancer.arn not in group.load_balancer_arns:
                continue
            targets.leave_terminated(group)
            for target, until in list(targets.draining(group).items()):
                if until <= time.time():
                    del targets.draining(group)[target]
                    ended.append((group_name(group.arn), target))
        return ended

    def _servers(self) -> tuple[Server, ...]:
        """As HAProxy has them at this moment; many ask at once for a target each."""
        when, servers = self._seen
        if time.monotonic() - when > _MOMENT:
            try:
                servers = self._proxy.look() if self._proxy is not None else ()
            except OSError:
                servers = ()  # it is being started again
            self._seen = time.monotonic(), servers
        return servers
