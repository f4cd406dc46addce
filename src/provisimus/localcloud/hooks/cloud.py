"""What every hook works with: machines, disks, one lock for changes and a worker per instance."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.databases.servers import Servers
from provisimus.localcloud.disks import Disks
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.machines import Machines
from provisimus.localcloud.mishaps import Mishaps
from provisimus.localcloud.networks.networks import Networks
from provisimus.localcloud.objects import Objects

log = logging.getLogger(__name__)


@dataclass
class Cloud:
    """The seam between moto's models and what is real. One for the process."""

    layout: Layout
    machines: Machines
    disks: Disks
    networks: Networks
    servers: Servers
    objects: Objects
    port: int
    account: str
    region: str
    changed: Callable[[], None]
    """Called after work in the background changed what the API would say."""
    changes: threading.RLock = field(default_factory=threading.RLock)
    """Held for moments, while models change; never while a machine is waited for."""
    crashes: dict[str, tuple[float, ...]] = field(default_factory=dict)
    """When QEMU crashed under each instance."""
    mishaps: Mishaps = field(default_factory=Mishaps)
    """What shall go wrong, as asked for."""
    _workers: dict[str, ThreadPoolExecutor] = field(default_factory=dict)

    def work(self, identifier: str, task: Callable[[], None]) -> None:
        """Do slow work for one instance, in the order asked."""
        with self.changes:
            worker = self._workers.get(identifier)
            if worker is None:
                worker = ThreadPoolExecutor(1, thread_name_prefix=f"work-{identifier}")
                self._workers[identifier] = worker

        def guarded() -> None:
            try:
                task()
            except Exception:
                log.exception("work for %s failed", identifier)
            self.changed()

        worker.submit(guarded)

    def backend(self) -> Any:
        """The EC2 backend of this cloud's account and region."""
        from moto.ec2.models import ec2_backends

        return ec2_backends[self.account][self.region]

    def backends(self) -> list[Any]:
        """The EC2 backends of all regions that were used."""
        from moto.ec2.models import ec2_backends

        return list(ec2_backends[self.account].values())

    def instances(self) -> list[Any]:
        """Every instance that moto knows in every region, terminated ones included."""
        return [
            instance
            for backend in self.backends()
            for reservation in list(backend.reservations.values())
            for instance in list(reservation.instances)
        ]


def replace(owner: type, name: str, method: Callable[..., Any]) -> None:
    """Put our method in the place of moto's; callers find it by the same name."""
    if not hasattr(owner, name):
        raise AttributeError(f"{owner.__name__}.{name} is gone: this is another moto")
    setattr(owner, name, method)


def replace_property(owner: type, name: str, told: Callable[[Any], Any]) -> None:
    """Put what we tell in the place of a property of moto's."""
    replace(owner, name, property(told))  # type: ignore[arg-type]


def refused(error: LocalCloudError) -> EC2ClientError:
    """An error of ours as the API says it; the caller's request changed nothing."""
    return EC2ClientError("InternalError", " - ".join(p for p in (error.what, error.hint) if p))


def wrong_state(what: str) -> EC2ClientError:
    return EC2ClientError("IncorrectInstanceState", what)
