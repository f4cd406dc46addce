"""packer/<machine>/machine.yaml: the machine image."""

from __future__ import annotations

import re
from dataclasses import field
from datetime import date
from typing import Annotated, Any

from provisimus.workspace.definitions.aws_names import InstanceType
from provisimus.workspace.definitions.common import (
    AbsolutePath,
    Definition,
    Gibibytes,
    ImageUse,
    MountPoint,
    Name,
    Port,
    Seconds,
)
from provisimus.workspace.definitions.containers import Container, start_order
from provisimus.workspace.definitions.publish import Publish
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.system import System


def _public_key(value: str) -> str:
    if "PRIVATE KEY" in value:
        raise ValueError("this is a private key — put the public one here, and replace this pair")
    if not value.startswith(("ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-", "sk-")):
        raise ValueError(f"{value[:20]!r}… is no public SSH key — it begins with ssh-ed25519")
    return value


class User(Definition):
    name: Annotated[str, limits(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
    ssh_keys: Annotated[tuple[Annotated[str, after(_public_key)], ...], limits(min_length=1)]
    sudo: bool = False
    expires: date | None = None


def _url_path(value: str) -> str:
    """CreateTargetGroup, HealthCheckPath."""
    if not re.fullmatch(r"/[!-~]{0,1023}", value):
        raise ValueError(f"{value!r} is no path — write /health")
    return value


class HttpHealth(Definition):
    port: Port
    path: Annotated[str, after(_url_path)] = "/health"


class HealthAnswer(Definition):
    """Where a machine says over HTTP how its service is: 200 or 503, with the answer as JSON."""

    port: Port = 9180
    open: bool = False
    """Whether others may ask, as far as the stack's `ingress` lets them; else the machine alone."""


class Health(Definition):
    """How a machine is asked for its service's health, in one of three ways."""

    http: HttpHealth | None = None
    container: Name | None = None
    """A container that has a health check of its own, whose answer counts."""
    run: tuple[str, ...] = ()
    """A command on the machine that ends with 0 as long as the service is healthy."""
    every: Seconds = 30
    within: Seconds = 300
    """How long after the start of the machine the first healthy answer may take."""
    publish: HealthAnswer = HealthAnswer()

    def __post_init__(self) -> None:
        if [bool(self.http), bool(self.container), bool(self.run)].count(True) != 1:
            raise ValueError("say one of http, container and run — http: {port: 8080}")
        if self.http and self.publish.port == self.http.port:
            raise ValueError(
                f"publish has the service's own port, {self.http.port} — choose another"
            )


class MachineVolume(Definition):
    """A data volume of the stack: where it is mounted, and what to run before a snapshot."""

    mount: MountPoint
    quiesce: AbsolutePath | None = None


def _service(use: ImageUse) -> str:
    return use if isinstance(use, str) else use.service


def _orderly(containers: dict[str, Container], info: Any) -> dict[str, Container]:
    uses = (info.data.get("main"), *info.data.get("side_carts", ()))
    if None not in uses:  # else one of these is faulty, and told
        start_order([_service(use) for use in uses], containers)
    return containers


class Hygiene(Definition):
    allow: tuple[Annotated[str, limits(pattern=r"^/[^\n]*$")], ...] = ()
    """Paths, or patterns of the shell, that the search for secrets at the end of a bake passes."""


class Machine(System):
    base: Name
    main: ImageUse
    side_carts: tuple[ImageUse, ...] = ()
    containers: Annotated[dict[Name, Container], after(_orderly)] = field(default_factory=dict)
    """How they run, by the name of the image."""
    users: tuple[User, ...] = ()
    health: Health | None = None
    volumes: tuple[MachineVolume, ...] = ()
    hygiene: Hygiene = Hygiene()
    publish: Publish = Publish()
    environment: dict[str, str] = field(default_factory=dict)
    """Environment of the main container; never a secret, it is baked."""
    instance_type: InstanceType = "t3.small"
    """The type of the instance that bakes."""
    disk: Gibibytes = 8
    setup_timeout: Annotated[Seconds, limits(ge=1, le=3 * 3600)] = 1800
    """How long each script of setup/ may take."""

    def __post_init__(self) -> None:
        names = [_service(use) for use in self.images]
        double = {name for name in names if names.count(name) > 1}
        if double:
            raise ValueError(f"{', '.join(sorted(double))} stands twice among main and side_carts")
        name = self.health.container if self.health else None
        if name is not None:
            container = self.containers.get(name)
            if container is None or container.health is None:
                raise ValueError(
                    f"health asks the container {name!r}, which has no health check — "
                    f"containers: {{{name}: {{health: {{run: [a-command]}}}}}}"
                )

    @property
    def images(self) -> tuple[ImageUse, ...]:
        """The main image first, then the side carts."""
        return (self.main, *self.side_carts)
