"""stacks/<name>.yaml: what every stack says, and what several types share.

What a type says beyond that stands in `stacks/`, one file each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

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
from provisimus.workspace.definitions.rules import after, chosen_by, limits, tag


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


class InNetwork(Definition):
    """One subnet of a stack of type `network`."""

    stack: Name
    subnet: Literal["public", "private", "data"] = "private"
    zone: Literal["a", "b", "c"] = "a"


def _kind_of_network(value: Any) -> str:
    if isinstance(value, (dict, Definition)):
        said = value if isinstance(value, dict) else value.__dict__
        return "stack" if "stack" in said else "ids"
    return "name"


NetworkUse = Annotated[
    Annotated[Name, tag("name")]
    | Annotated[InNetwork, tag("stack")]
    | Annotated[Place, tag("ids")],
    chosen_by(_kind_of_network),
]
"""`default`, the name of a stack of type `network` (its private subnet in the first zone), one of
its subnets, or ids."""


def network_used(network: Name | InNetwork | Place) -> str | None:
    """The stack of type `network` that is meant, if one is."""
    if isinstance(network, InNetwork):
        return network.stack
    return network if isinstance(network, str) and network != "default" else None


@dataclass(frozen=True)
class Use:
    """That a stack takes outputs of another one: its name, where that stands, of which type it
    must be (None is any), and which outputs, as far as the definition names them."""

    stack: str
    key: tuple[str | int, ...]
    type: str | None = None
    outputs: tuple[str, ...] = ()


class StackDefinition(Definition):
    type: Name = "service"
    environments: dict[Name, dict[str, Any]] = field(default_factory=dict)
    """Overrides of the other keys, per environment."""

    def __post_init__(self) -> None:
        for overrides in self.environments.values():
            if "environments" in overrides:
                raise ValueError("environments do not nest")
            if "type" in overrides:
                raise ValueError("a stack has one type in all environments")

    def uses(self) -> Iterator[Use]:
        """The other stacks of the workspace that this one takes outputs of."""
        yield from ()


class MachineStack(StackDefinition):
    """A stack that runs a machine image."""

    version: Version | None = None
    """What runs. Without one, it is named with the command: release greeter@1.0.0."""
    machine: Name | None = None
    """The folder in packer/; without one, that of the stack's own name."""


def version_of(definition: StackDefinition) -> str | None:
    """The version that a stack declares; None for one that has none."""
    return definition.version if isinstance(definition, MachineStack) else None
