"""Type `cluster`: instances with an identity each, replaced one at a time.

Each member is a service of its own, `NAME-1` to `NAME-N`, with its own stack, volumes and name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field, fields, replace
from typing import Annotated, Any

from provisimus.workspace.definitions.aws_names import InstanceType, KeyName
from provisimus.workspace.definitions.common import AbsolutePath, Definition, Misfit, Name
from provisimus.workspace.definitions.rules import limits
from provisimus.workspace.definitions.stack import (
    DataVolume,
    DnsName,
    Environment,
    InNetwork,
    MachineStack,
    Reachable,
    SnapshotId,
    StackDefinition,
    StackHealth,
    Use,
    check_mounts,
)
from provisimus.workspace.definitions.stacks.service import ServiceAlarms, ServiceDefinition

ZONES = "abc"
OWN_VARIABLES = ("CLUSTER_MEMBER", "CLUSTER_SIZE", "CLUSTER_MEMBERS")
"""What tells a member who it is; said for all of them, each would be the same."""


class Restored(Definition):
    """A data volume of one member, made of a snapshot."""

    member: Annotated[int, limits(ge=1)]
    """Its number."""
    mount: AbsolutePath
    snapshot: SnapshotId


class ClusterDefinition(MachineStack):
    members: Annotated[int, limits(ge=2, le=20)] = 3
    """How many; each has a number, from 1."""
    network: Name = "default"
    """`default`, or a stack of type network: the members take turns with its zones."""
    zones: Annotated[int, limits(ge=1, le=3)] = 2
    """How many zones of the network they are spread over."""
    instance_type: InstanceType = "t3.small"
    key_name: KeyName | None = None
    """The key pair of the base's own user."""
    ingress: Reachable = ()
    """Who may reach each member, the other members among them."""
    data_volumes: Annotated[tuple[DataVolume, ...], limits(max_length=11)] = ()
    """Of each member: its own."""
    restored: tuple[Restored, ...] = ()
    """Members whose volumes are made of snapshots, for as long as these volumes live: `snapshot
    restore` writes it."""
    health: StackHealth = StackHealth()
    """Whom a machine tells how its service is. The next member is replaced when one is healthy."""
    dns: DnsName | None = None
    """A name for each member: cache.acme.internal makes cache-1.acme.internal and so on."""
    recovery: bool = False
    """EC2 moves an instance to another computer when its own fails."""
    alarms: ServiceAlarms | None = None
    environment: Environment = field(default_factory=dict)
    """Of the main containers, which also get CLUSTER_MEMBER, CLUSTER_SIZE and, where members have
    names, CLUSTER_MEMBERS."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stack_name:
            raise Misfit("a cluster is a stack for each member — leave it out", "stack_name")
        check_mounts(self.data_volumes)
        for name in self.environment:
            if name in OWN_VARIABLES:
                raise Misfit(f"{name} comes by itself — leave it out", "environment", name)
        if self.dns and len(self._name(self.members).partition(".")[0]) > 63:
            raise Misfit(
                "with a member's number its first part has more than 63 characters — shorten it",
                "dns",
                "name",
            )
        if self.dns and self.dns.name.startswith("*."):
            raise Misfit(
                "members have names of their own — write cache.acme.internal", "dns", "name"
            )
        self._check_restored([volume.mount for volume in self.data_volumes])

    def _check_restored(self, mounts: list[str]) -> None:
        seen = set()
        for index, each in enumerate(self.restored):
            if each.member > self.members:
                message = f"there is no member {each.member} of {self.members}"
                raise Misfit(message, "restored", index, "member")
            if each.mount not in mounts:
                message = f"no data volume is mounted there — it is one of {', '.join(mounts)}"
                raise Misfit(message, "restored", index, "mount")
            if (each.member, each.mount) in seen:
                message = f"{each.mount} of member {each.member} stands twice"
                raise Misfit(message, "restored", index)
            seen.add((each.member, each.mount))

    def names(self, cluster: str) -> list[str]:
        """The services that it consists of."""
        return [f"{cluster}-{number}" for number in range(1, self.members + 1)]

    def member(self, cluster: str, number: int) -> ServiceDefinition:
        """One of them, as if it had a file of its own."""
        shared = {each.name for each in fields(ServiceDefinition)}
        given: dict[str, Any] = {
            each.name: getattr(self, each.name)
            for each in fields(self)
            if each.name in shared - {"type", "environments", "network", "dns", "environment"}
        }
        network: Any = self.network
        if network != "default":
            zone: Any = ZONES[(number - 1) % self.zones]
            network = InNetwork(stack=network, zone=zone)
        names = [self._name(each) for each in range(1, self.members + 1) if self.dns]
        variables = {"CLUSTER_MEMBER": str(number), "CLUSTER_SIZE": str(self.members)}
        if names:
            variables["CLUSTER_MEMBERS"] = ",".join(names)
        return ServiceDefinition(
            **{
                **given,
                "machine": self.machine or cluster,
                "network": network,
                "dns": DnsName(name=names[number - 1], zone=self.dns.zone) if self.dns else None,
                "environment": {**variables, **self.environment},
                "data_volumes": self._volumes(number),
            }
        )

    def _volumes(self, number: int) -> tuple[DataVolume, ...]:
        """Of one member: made of snapshots where it was put back on some."""
        made_of = {each.mount: each.snapshot for each in self.restored if each.member == number}
        return tuple(
            replace(volume, made_of=made_of.get(volume.mount, volume.made_of))
            for volume in self.data_volumes
        )

    def _name(self, number: int) -> str:
        assert self.dns is not None
        first, dot, rest = self.dns.name.partition(".")
        return f"{first}-{number}{dot}{rest}"

    def uses(self) -> Iterator[Use]:
        found = [
            use for number in range(1, self.members + 1) for use in self.member("x", number).uses()
        ]
        yield from dict.fromkeys(found)

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        if self.dns:
            yield from self.dns.misfits(others)


DEFINITION = ClusterDefinition
