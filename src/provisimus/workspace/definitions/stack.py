"""stacks/<name>.yaml: what every stack says, and what several types share.

What a type says beyond that stands in `stacks/`, one file each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal

from provisimus.ondisk.references import references
from provisimus.workspace.definitions.aws_names import SubnetId, VpcId
from provisimus.workspace.definitions.common import (
    Definition,
    Gibibytes,
    Misfit,
    MountPoint,
    Name,
    Port,
    Seconds,
    Version,
    each_once,
)
from provisimus.workspace.definitions.outputs import OUTPUT, output_of, outputs_in
from provisimus.workspace.definitions.project import Tags
from provisimus.workspace.definitions.rules import after, chosen_by, limits, tag


def _cidr(value: str) -> str:
    from ipaddress import ip_network

    if output_of(value):
        return value
    try:
        return str(ip_network(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is no network — write 10.0.0.0/16: {error}") from None


Cidr = Annotated[str, after(_cidr)]
Sources = Annotated[tuple[Cidr, ...], after(each_once)]
"""Networks that something may be reached from. A security group takes no rule twice."""


class Ingress(Definition):
    """One port that may be reached from one network."""

    port: Port
    source: Cidr = field(metadata={"alias": "from"})

    def __post_init__(self) -> None:
        if self.port == 22 and self.source.endswith("/0"):
            raise ValueError("SSH open to the world is refused — name the network you come from")

    def __str__(self) -> str:
        return f"port {self.port} from {self.source}"


Reachable = Annotated[tuple[Ingress, ...], after(each_once)]
"""Who may reach something. A security group takes no rule twice."""

DLM_HOURS = (1, 2, 3, 4, 6, 8, 12, 24)
"""Intervals that Data Lifecycle Manager knows (CreateRule, Interval)."""


class Snapshots(Definition):
    """How often a snapshot of the volume is taken, and how many stay."""

    every: Seconds
    keep: Annotated[int, limits(ge=1, le=1000)]
    by: Literal["machine", "dlm"] = "machine"
    """The machine, which holds the volume still; or Amazon Data Lifecycle Manager, which does not,
    and which goes on when the machine is off."""

    def __post_init__(self) -> None:
        if self.every < 3600:
            raise ValueError("every is less than 1h — the machine looks every quarter of an hour")
        if self.by == "dlm" and self.every / 3600 not in DLM_HOURS:
            known = ", ".join(f"{hours}h" for hours in DLM_HOURS)
            raise Misfit(f"Data Lifecycle Manager takes one every {known}", "every")


LARGEST = 65_536
"""GiB of a gp3 volume at most ("General Purpose SSD volumes")."""

SnapshotId = Annotated[str, limits(pattern=r"^snap-[0-9a-f]{8,17}$")]


class DataVolume(Definition):
    mount: MountPoint
    size: Gibibytes
    snapshots: Snapshots | None = None
    made_of: SnapshotId | None = None
    """The snapshot that it is made of, for as long as it lives: `snapshot restore` writes it.
    Another one here, or none, makes another volume; of the one before a snapshot stays."""

    def __post_init__(self) -> None:
        if self.size > LARGEST:
            raise Misfit(f"a gp3 volume has {LARGEST // 1024} TiB at most", "size")


def check_mounts(volumes: tuple[DataVolume, ...]) -> None:
    """Raises Misfit where two volumes are mounted at one place."""
    mounts = [volume.mount for volume in volumes]
    for index, mount in enumerate(mounts):
        if mount in mounts[:index]:
            raise Misfit("two data volumes have the same mount", "data_volumes", index, "mount")


def _environment(values: dict[str, str]) -> dict[str, str]:
    for name, value in values.items():
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
            raise ValueError(f"{name!r} is no name of an environment variable")
        try:
            references(OUTPUT.sub("", value))
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

    vpc: VpcId
    subnet: SubnetId


class InNetwork(Definition):
    """One subnet of a stack of type `network`."""

    stack: Name
    subnet: Literal["public", "private", "data"] = "private"
    zone: Literal["a", "b", "c"] = "a"

    @property
    def outputs(self) -> tuple[str, str]:
        """The outputs of the network's stack that name the subnet and its zone."""
        return f"{self.subnet.capitalize()}Subnet{self.zone.upper()}", f"Zone{self.zone.upper()}"


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


class Spread(Definition):
    """A VPC with subnets in two or more zones, by ids."""

    vpc: VpcId
    subnets: Annotated[tuple[SubnetId, ...], limits(min_length=2), after(each_once)]
    front: Annotated[tuple[SubnetId, ...], after(each_once)] = ()
    """The subnets of what faces the world; without them, the same."""

    def __post_init__(self) -> None:
        if len(self.front) == 1:
            raise Misfit("a load balancer stands in two subnets at least", "front")


SpreadUse = Annotated[
    Annotated[Name, tag("name")] | Annotated[Spread, tag("ids")],
    chosen_by(lambda value: "name" if isinstance(value, str) else "ids"),
]
"""`default`, the name of a stack of type `network`, or ids."""


def network_used(network: Name | InNetwork | Place | Spread) -> str | None:
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


def used_by_network(network: Name | InNetwork | Place | Spread, *tiers: str) -> Iterator[Use]:
    """A stack of type `network`, of which two subnets at least of each tier are needed."""
    if used := network_used(network):
        outputs = [f"{tier}Subnet{letter}" for tier in dict.fromkeys(tiers) for letter in "AB"]
        yield Use(used, ("network",), "network", tuple(outputs))


def _domain(value: str) -> str:
    if not re.fullmatch(rf"(\*\.)?({_LABEL}\.)+{_LABEL}", value) or len(value) > 255:
        raise ValueError(f"{value!r} is no name of a zone — write greeter.acme.example")
    return value


_LABEL = r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?"
Domain = Annotated[str, after(_domain)]


def _zone_name(value: str) -> str:
    if value.startswith("*."):
        raise ValueError(f"{value!r} is no zone — a * is for a record in it, or a certificate")
    return _domain(value)


ZoneName = Annotated[str, after(_zone_name)]


def within(name: str, zone: str) -> bool:
    """Whether a name belongs to a zone: its own, or one below it."""
    return name == zone or name.endswith(f".{zone}")


def _zone(value: str) -> str:
    if not re.fullmatch(r"Z[A-Z0-9]{4,31}|[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", value):
        raise ValueError(
            f"{value!r} is neither a stack nor the id of a zone — write a stack of type dns, or Z…"
        )
    return value


ZoneUse = Annotated[str, after(_zone)]


def uses_zone(zone: str, *key: str) -> Iterator[Use]:
    if not zone.startswith("Z"):
        yield Use(zone, key, "dns", ("ZoneId",))


class DnsName(Definition):
    """A name in a zone of Route 53."""

    name: Domain
    zone: ZoneUse
    """A stack of type dns, or the id of a zone, Z…"""

    def uses(self) -> Iterator[Use]:
        yield from uses_zone(self.zone, "dns", "zone")

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        from provisimus.workspace.definitions.stacks.dns import DnsDefinition

        zone = others.get(self.zone)
        if not isinstance(zone, DnsDefinition):
            return
        if not within(self.name, zone.zone):
            yield Misfit(
                f"{self.name} is not in the zone of {self.zone}, {zone.zone} — end it in that",
                *("dns", "name"),
            )
        elif self.name in (each.within(zone.zone) for each in zone.records):
            yield Misfit(
                f"{self.name} is a record of {self.zone} already — leave it to one of them",
                *("dns", "name"),
            )


def _stack_name(value: str) -> str:
    """CreateStack, StackName."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9-]{0,127}", value):
        raise ValueError(
            f"{value!r} is no name of a stack — letters, digits and dashes, a letter first, 128 "
            "at most"
        )
    return value


class StackDefinition(Definition):
    several_zones: ClassVar[bool] = False
    """Whether it lives in several subnets of its network."""

    type: Name = "service"
    stack_name: Annotated[str, after(_stack_name)] | None = None
    """What CloudFormation calls the stack, where that is not PROJECT-ENVIRONMENT-NAME: a stack that
    was adopted keeps its name. To change it is to ask for another stack."""
    tags: Tags = field(default_factory=dict)
    """Tags of this stack, over and above the company's."""
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

    def misfits(self, others: Mapping[str, StackDefinition]) -> Iterator[Misfit]:
        """What does not go together with the stacks that it uses: `others`, by their names, as far
        as they are sound and of the right type."""
        del others
        yield from ()

    def all_uses(self) -> Iterator[Use]:
        """The same, and those whose outputs stand in its texts: `${stack:main.VpcId}`."""
        yield from self.uses()
        for key, stack, output in outputs_in(self):
            yield Use(stack, key, None, (output,))

    def files(self) -> tuple[str, ...]:
        """The files below the folder of stacks that belong to it."""
        return ()


class MachineStack(StackDefinition):
    """A stack that runs a machine image."""

    version: Version | None = None
    """What runs. Without one, it is named with the command: release greeter@1.0.0."""
    machine: Name | None = None
    """The folder in packer/; without one, that of the stack's own name."""


def version_of(definition: StackDefinition) -> str | None:
    """The version that a stack declares; None for one that has none."""
    return definition.version if isinstance(definition, MachineStack) else None
