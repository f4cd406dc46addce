"""What one VPC's network shall be, as frozen values in EC2's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Rule:
    """One permission of a security group. ``ports`` is of TCP and UDP; None means all.

    ``peers`` are CIDR blocks and ids of security groups.
    """

    protocol: str
    peers: tuple[str, ...]
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None
    """Type and code; -1 means any."""


@dataclass(frozen=True)
class Group:
    """A security group."""

    identifier: str
    ingress: tuple[Rule, ...] = ()
    egress: tuple[Rule, ...] = ()


@dataclass(frozen=True)
class AclRule:
    """An entry of a network ACL; entries are asked in their order."""

    allow: bool
    protocol: str
    block: str
    ports: tuple[int, int] | None = None
    icmp: tuple[int, int] | None = None


@dataclass(frozen=True)
class Acl:
    """A network ACL, its entries by number."""

    ingress: tuple[AclRule, ...] = ()
    egress: tuple[AclRule, ...] = ()


Target = Literal["local", "internet", "nat", "nowhere"]


@dataclass(frozen=True)
class Route:
    """Where packets to a block go. ``nowhere`` is a blackhole, or a target that is not simulated"""

    block: str
    target: Target


@dataclass(frozen=True)
class Subnet:
    """A subnet with the routes and the network ACL that hold for it."""

    identifier: str
    block: str
    routes: tuple[Route, ...] = ()
    acl: Acl | None = None
    """None where it allows everything."""


@dataclass(frozen=True)
class Member:
    """A network interface in use: that of a machine, or of a service that runs here.

    ``ports`` are those at which its public address listens on this computer.
    """

    interface: str
    address: str
    subnet: str
    groups: tuple[str, ...] = ()
    public: str | None = None
    ports: tuple[int, ...] = ()
    checked: bool = True
    """Whether source and destination of its packets must be itself."""


@dataclass(frozen=True)
class Picture:
    """One VPC. Groups and subnets are all of the VPC, members those that run."""

    vpc: str
    blocks: tuple[str, ...]
    subnets: tuple[Subnet, ...] = ()
    groups: tuple[Group, ...] = ()
    members: tuple[Member, ...] = ()
    resolver: bool = True
    """Whether the VPC has DNS support."""
    endpoint_groups: tuple[frozenset[str], ...] = ()
    """Of each interface endpoint for an AWS service, its security groups."""
