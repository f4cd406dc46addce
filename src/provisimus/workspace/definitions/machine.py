"""packer/<machine>/machine.yaml: the machine image."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from provisimus.workspace.definitions.common import (
    AbsolutePath,
    Definition,
    Gibibytes,
    ImageUse,
    Name,
    Port,
    Seconds,
)
from provisimus.workspace.definitions.publish import Publish


def _public_key(value: str) -> str:
    if "PRIVATE KEY" in value:
        raise ValueError("this is a private key — put the public one here, and replace this pair")
    if not value.startswith(("ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-", "sk-")):
        raise ValueError(f"{value[:20]!r}… is no public SSH key — it begins with ssh-ed25519")
    return value


class User(Definition):
    name: Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,31}$")]
    ssh_keys: tuple[Annotated[str, AfterValidator(_public_key)], ...] = Field(min_length=1)
    sudo: bool = False
    expires: date | None = None


class HttpHealth(Definition):
    port: Port
    path: str = "/health"


class Health(Definition):
    http: HttpHealth
    every: Seconds = 30
    within: Seconds = 300
    """How long after the start of the machine the first healthy answer may take."""


class MachineVolume(Definition):
    """A data volume of the stack: where it is mounted, and what to run before a snapshot."""

    mount: AbsolutePath
    quiesce: AbsolutePath | None = None


class Hygiene(Definition):
    allow: tuple[Annotated[str, Field(pattern=r"^/[^\n]*$")], ...] = ()
    """Paths, or patterns of the shell, that the search for secrets at the end of a bake passes."""


class Machine(Definition):
    base: Name
    main: ImageUse
    side_carts: tuple[ImageUse, ...] = ()
    users: tuple[User, ...] = ()
    health: Health | None = None
    volumes: tuple[MachineVolume, ...] = ()
    hygiene: Hygiene = Hygiene()
    publish: Publish = Publish()
    environment: dict[str, str] = Field(default_factory=dict)
    """Environment of the main container; never a secret, it is baked."""
    instance_type: str = "t3.small"
    """The type of the instance that bakes."""
    disk: Gibibytes = 8

    @model_validator(mode="after")
    def _distinct(self) -> Machine:
        names = [use if isinstance(use, str) else use.service for use in self.images]
        double = {name for name in names if names.count(name) > 1}
        if double:
            raise ValueError(f"{', '.join(sorted(double))} stands twice among main and side_carts")
        return self

    @property
    def images(self) -> tuple[ImageUse, ...]:
        """The main image first, then the side carts."""
        return (self.main, *self.side_carts)
