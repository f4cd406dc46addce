"""How a machine's containers run: limits, checks, order, folders. Keys of `containers:` in
machine.yaml, by the name of the image.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field
from typing import Annotated, Literal

from provisimus.workspace.definitions.common import (
    AbsolutePath,
    Definition,
    Mebibytes,
    Port,
    Seconds,
)
from provisimus.workspace.definitions.rules import limits

Restart = Literal["always", "on-failure", "no"]


class ContainerHealth(Definition):
    """A command inside the container that ends with 0 as long as the container is healthy."""

    run: Annotated[tuple[str, ...], limits(min_length=1)]
    every: Seconds = 30
    within: Seconds = 120
    """How long after its start the first healthy answer may take."""
    patience: Seconds = 5
    """How long one run of the command may take."""
    retries: Annotated[int, limits(ge=1, le=100)] = 3
    """How many failures in a row make it unhealthy."""


class Mount(Definition):
    """A folder of the machine inside a container. The main one has the data volumes anyhow."""

    source: AbsolutePath = field(metadata={"alias": "from"})
    to: AbsolutePath
    read_only: bool = False


class Container(Definition):
    """What is said of one container; what is not said is a sound default."""

    environment: dict[str, str] = field(default_factory=dict)
    """Never a secret, it is baked."""
    mounts: tuple[Mount, ...] = ()
    ports: dict[Port, Port] | None = None
    """Port of the container to port of the machine; None publishes what the image exposes, and of
    one that comes straight from a vendor nothing."""
    memory: Mebibytes | None = None
    """MiB; what takes more is ended and started again."""
    cpus: Annotated[float, limits(gt=0)] | None = None
    processes: Annotated[int, limits(ge=1)] | None = None
    """How many processes and threads it may have."""
    health: ContainerHealth | None = None
    after: tuple[str, ...] = ()
    """Containers to be started before it; one with a health check is waited for until healthy."""
    restart: Restart = "always"
    stop_within: Seconds = 10
    """How long it may take to end before it is killed."""
    writable: bool | None = None
    """Whether it may write to its own root file system; None is yes for the main image only."""

    def __post_init__(self) -> None:
        targets = [mount.to for mount in self.mounts]
        if double := {target for target in targets if targets.count(target) > 1}:
            raise ValueError(f"two mounts go to {min(double)}")
        if self.ports is not None and len(set(self.ports.values())) < len(self.ports):
            raise ValueError("two ports of the container go to one port of the machine")


def start_order(services: Collection[str], containers: Mapping[str, Container]) -> tuple[str, ...]:
    """The services in an order that honours every `after`; otherwise as they are given. Pure.

    Raises ValueError naming a circle, or a name that is no container of the machine.
    """
    for name, container in containers.items():
        for other in (name, *container.after):
            if other not in services:
                raise ValueError(f"{other!r} is no container — they are {', '.join(services)}")
    order: list[str] = []
    waiting = list(services)
    while waiting:
        ready = next(
            (
                name
                for name in waiting
                if all(each in order for each in containers.get(name, Container()).after)
            ),
            None,
        )
        if ready is None:
            those = ", ".join(waiting)
            raise ValueError(
                f"{those} waits for itself" if len(waiting) == 1 else f"{those} wait for each other"
            )
        waiting.remove(ready)
        order.append(ready)
    return tuple(order)
