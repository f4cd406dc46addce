"""Type `service`: one instance of a machine image, with data volumes that outlive it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from typing import Annotated

from provisimus.workspace.definitions.rules import limits
from provisimus.workspace.definitions.stack import (
    DataVolume,
    Environment,
    Ingress,
    InNetwork,
    MachineStack,
    NetworkUse,
    StackHealth,
    Use,
    network_used,
)


class ServiceDefinition(MachineStack):
    network: NetworkUse = "default"
    """`default`, a stack of type network, {stack: main, subnet: public, zone: a}, or ids."""
    instance_type: str = "t3.small"
    key_name: str | None = None
    """The key pair of the base's own user."""
    ingress: tuple[Ingress, ...] = ()
    """Who may reach it; everything else is closed."""
    data_volumes: Annotated[tuple[DataVolume, ...], limits(max_length=11)] = ()
    """EC2 keeps /dev/sdf to /dev/sdp for them ("Device names on Linux instances")."""
    health: StackHealth = StackHealth()
    """Whom the machine tells how its service is."""
    environment: Environment = field(default_factory=dict)
    """Of the main container. A value may name where it stands: `${ssm:NAME}`, `${secret:NAME#KEY}`;
    the machine fetches it on boot. Without names of that kind it stands in the template."""

    def __post_init__(self) -> None:
        super().__post_init__()
        mounts = [volume.mount for volume in self.data_volumes]
        if len(set(mounts)) != len(mounts):
            raise ValueError("two data volumes have the same mount")

    def uses(self) -> Iterator[Use]:
        if used := network_used(self.network):
            named = self.network if isinstance(self.network, InNetwork) else InNetwork(stack=used)
            yield Use(used, ("network",), "network", named.outputs)


DEFINITION = ServiceDefinition
