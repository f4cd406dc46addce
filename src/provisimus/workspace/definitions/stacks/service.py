"""Type `service`: one instance of a machine image, with data volumes that outlive it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import Annotated

from provisimus.workspace.definitions.aws_names import InstanceType, KeyName, Topics
from provisimus.workspace.definitions.common import Definition, Misfit, Name
from provisimus.workspace.definitions.logs import ContainerLogs
from provisimus.workspace.definitions.rules import limits
from provisimus.workspace.definitions.stack import (
    DataVolume,
    DnsName,
    Environment,
    InNetwork,
    MachineStack,
    NetworkUse,
    Reachable,
    StackDefinition,
    StackHealth,
    Use,
    check_mounts,
    network_used,
)


class ServiceAlarms(Definition):
    """Status and processor of the instance; its health too, where `health.metric` tells it."""

    cpu: Annotated[int, limits(ge=1, le=100)] = 90
    """Percent, for ten minutes."""
    disk: Annotated[int, limits(ge=1, le=100)] = 85
    """Percent of the fullest disk, which the machine tells where `health.metric` is."""
    notify: Topics = ()
    """ARNs of SNS topics."""


class ServiceDefinition(MachineStack):
    network: NetworkUse = "default"
    """`default`, a stack of type network, {stack: main, subnet: public, zone: a}, or ids."""
    instance_type: InstanceType = "t3.small"
    key_name: KeyName | None = None
    """The key pair of the base's own user."""
    ingress: Reachable = ()
    """Who may reach it; everything else is closed."""
    data_volumes: Annotated[tuple[DataVolume, ...], limits(max_length=11)] = ()
    """EC2 keeps /dev/sdf to /dev/sdp for them ("Device names on Linux instances")."""
    health: StackHealth = StackHealth()
    """Whom the machine tells how its service is."""
    environment: Environment = field(default_factory=dict)
    """Of the main container. A value may name where it stands: `${ssm:NAME}`, `${secret:NAME#KEY}`;
    the machine fetches it on boot. Without names of that kind it stands in the template."""

    fixed_address: bool = False
    """A public address that outlives the instance."""
    dns: DnsName | None = None
    """A name for the fixed address, else for the instance's private one."""
    recovery: bool = False
    """EC2 moves the instance to another computer when its own fails."""
    alarms: ServiceAlarms | None = None
    logs: ContainerLogs | None = None
    """The main container, and others with `runtime: provisimus`, find its name in LOG_GROUP."""
    database: Name | None = None
    """A stack of type database: the instance may connect, and its main container gets
    DATABASE_HOST, _PORT, _NAME, _USER and _PASSWORD."""

    def __post_init__(self) -> None:
        super().__post_init__()
        named = self.network
        if self.fixed_address and network_used(named) and getattr(named, "subnet", "") != "public":
            raise Misfit(
                "a fixed address is reached in a public subnet only — "
                "write network: {stack: …, subnet: public}",
                "fixed_address",
            )
        check_mounts(self.data_volumes)

    def uses(self) -> Iterator[Use]:
        if used := network_used(self.network):
            named = self.network if isinstance(self.network, InNetwork) else InNetwork(stack=used)
            yield Use(used, ("network",), "network", named.outputs)
        if self.dns:
            yield from self.dns.uses()
        if self.database:
            outputs = ("Endpoint", "Port", "DatabaseName", "SecretArn", "ClientSecurityGroupId")
            yield Use(self.database, ("database",), "database", outputs)

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        if self.dns:
            yield from self.dns.misfits(others)
        if self.database:
            from provisimus.workspace.definitions.stacks.database import reach_misfits

            yield from reach_misfits(self.network, others.get(self.database), "database")


DEFINITION = ServiceDefinition
