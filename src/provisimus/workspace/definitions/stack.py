"""stacks/<service>.yaml: the stack of a service in each environment."""

from __future__ import annotations

import re
from dataclasses import field
from typing import Annotated, Any

from provisimus.ondisk.references import references
from provisimus.workspace.definitions.common import (
    AbsolutePath,
    Definition,
    Gibibytes,
    Name,
    Port,
    Seconds,
    Version,
)
from provisimus.workspace.definitions.rules import after, limits


def _cidr(value: str) -> str:
    from ipaddress import ip_network

    try:
        return str(ip_network(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is no network — write 10.0.0.0/16: {error}") from None


class Ingress(Definition):
    """One port that may be reached from one network."""

    port: Port
    source: Annotated[str, after(_cidr)] = field(metadata={"alias": "from"})

    def __post_init__(self) -> None:
        if self.port == 22 and self.source.endswith("/0"):
            raise ValueError("SSH open to the world is refused — name the network you come from")


class Snapshots(Definition):
    """How often the machine takes a snapshot of the volume, and how many stay."""

    every: Seconds
    keep: Annotated[int, limits(ge=1)]

    def __post_init__(self) -> None:
        if self.every < 3600:
            raise ValueError("every is less than 1h — the machine looks every quarter of an hour")


class DataVolume(Definition):
    mount: AbsolutePath
    size: Gibibytes
    snapshots: Snapshots | None = None


def _environment(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{name!r} is no name of an environment variable")
        try:
            references(value)
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from None
    size = sum(len(name) + len(value) for name, value in values.items())
    if size > ENVIRONMENT_LIMIT:
        raise ValueError(
            f"it has {size} characters, {ENVIRONMENT_LIMIT} at most — user data holds no more; put "
            "what is long into a parameter and refer to it: ${ssm:NAME}"
        )
    return values


ENVIRONMENT_LIMIT = 8_000
"""Characters of names and values. User data has 16,384 bytes, in which some take six."""

Environment = Annotated[dict[str, str], after(_environment)]


class StackHealth(Definition):
    """Whom the machine tells how its service is, over and above those who ask it."""

    metric: bool = False
    """CloudWatch: `Healthy` in the namespace `Provisimus`, 1 or 0."""
    signal: bool = False
    """CloudFormation: the stack is complete when the service answered for the first time."""


class Place(Definition):
    """A VPC and subnet by id, where the account's default ones will not do."""

    vpc: str
    subnet: str


class StackDefinition(Definition):
    type: Name = "service"
    version: Version | None = None
    machine: Name | None = None
    """None is the machine of the same name as the stack."""
    network: Name | Place = "default"
    instance_type: str = "t3.small"
    key_name: str | None = None
    ingress: tuple[Ingress, ...] = ()
    data_volumes: Annotated[tuple[DataVolume, ...], limits(max_length=11)] = ()
    """EC2 keeps /dev/sdf to /dev/sdp for them ("Device names on Linux instances")."""
    health: StackHealth = StackHealth()
    environment: Environment = field(default_factory=dict)
    """Of the main container. A value may name where it stands: `${ssm:NAME}`, `${secret:NAME#KEY}`;
    the machine fetches it on boot. Without names of that kind it stands in the template."""
    environments: dict[Name, dict[str, Any]] = field(default_factory=dict)
    """Overrides of the keys above, per environment."""

    def __post_init__(self) -> None:
        mounts = [volume.mount for volume in self.data_volumes]
        if len(set(mounts)) != len(mounts):
            raise ValueError("two data volumes have the same mount")
        if any("environments" in overrides for overrides in self.environments.values()):
            raise ValueError("environments do not nest")
