"""Type `network`: a VPC over two or three zones, with what leads into it and out of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal

from provisimus.workspace.definitions.common import Definition, Misfit, each_once
from provisimus.workspace.definitions.retention import Retention
from provisimus.workspace.definitions.rules import after, chosen_by, limits, tag
from provisimus.workspace.definitions.stack import StackDefinition, ZoneName

if TYPE_CHECKING:
    from ipaddress import IPv4Network

Tier = Literal["public", "private", "data"]
TIERS: tuple[Tier, ...] = ("public", "private", "data")
LETTERS = "abc"

WIDEST, NARROWEST = 16, 28
"""Prefix lengths of a VPC and of a subnet ("VPC CIDR blocks" in the user guide of Amazon VPC)."""


def _block(value: str) -> str:
    from ipaddress import IPv4Network

    try:
        block = IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is no IPv4 network — write 10.20.0.0/16: {error}") from None
    if not WIDEST <= block.prefixlen <= NARROWEST:
        raise ValueError(f"{value} is not between /{WIDEST} and /{NARROWEST} — AWS takes no others")
    if block.is_loopback or block.is_link_local or block.is_multicast or block.is_reserved:
        raise ValueError(f"{value} is kept for other things — take one of 10.0.0.0/8")
    return str(block)


Block = Annotated[str, after(_block)]


def _zone(value: str) -> str:
    if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d[a-z]", value):
        raise ValueError(f"{value!r} is no availability zone — write eu-west-1a")
    return value


Zone = Annotated[str, after(_zone)]


Zones = Annotated[
    Annotated[int, limits(ge=2, le=3), tag("count")]
    | Annotated[tuple[Zone, ...], limits(min_length=2, max_length=3), tag("names")],
    chosen_by(lambda value: "names" if isinstance(value, (list, tuple)) else "count"),
]


class Subnets(Definition):
    """Blocks of your own choice, one for each zone. A tier that is left out gets computed ones."""

    public: tuple[Block, ...] = ()
    private: tuple[Block, ...] = ()
    data: tuple[Block, ...] = ()


class Endpoints(Definition):
    """AWS services that are reached without leaving the VPC."""

    gateway: Annotated[tuple[Literal["s3", "dynamodb"], ...], after(each_once)] = ("s3",)
    """By the route tables, free of charge."""
    interface: Annotated[
        tuple[Annotated[str, limits(pattern=r"^[a-z0-9][a-z0-9.-]*$")], ...], after(each_once)
    ] = ()
    """By addresses in the private subnets: ssm, ssmmessages, logs, secretsmanager, ecr.api, …"""

    def __post_init__(self) -> None:
        for index, each in enumerate(self.interface):
            if each in ("s3", "dynamodb"):
                raise Misfit(
                    f"{each} is reached by the route tables — put it under gateway",
                    *("interface", index),
                )


class FlowLogs(Definition):
    """Which connections there were, in CloudWatch Logs."""

    traffic: Literal["ALL", "ACCEPT", "REJECT"] = "ALL"
    keep: Retention = 30 * 86400


class NetworkDefinition(StackDefinition):
    cidr: Block = "10.20.0.0/16"
    """The addresses of the VPC: a /16 is the most AWS gives."""
    zones: Zones = 2
    """How many availability zones, or which by name."""
    tiers: Annotated[tuple[Tier, ...], limits(min_length=1)] = TIERS
    """public: reached from the internet; private: reaches out through NAT; data: neither."""
    subnets: Subnets = Subnets()
    """Blocks of your own choice; computed from `cidr` where nothing is said."""
    nat: Literal["none", "one", "per-zone"] = "none"
    """How private subnets reach out: not at all, by one NAT gateway, by one in each zone."""
    endpoints: Endpoints = Endpoints()
    flow_logs: FlowLogs | None = None
    closed_data: bool = True
    """A network ACL lets the data subnets speak within the VPC only."""
    dns: ZoneName | None = None
    """A private zone for the VPC's own names, such as acme.internal."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.zones, tuple):
            self._check_zones(self.zones)
        if len(set(self.tiers)) != len(self.tiers):
            raise Misfit("a tier is named twice — leave one of them out", "tiers")
        if self.nat != "none" and not {"public", "private"} <= set(self.tiers):
            raise Misfit(
                "a NAT gateway stands in a public subnet and serves private ones — "
                "add both to tiers, or write nat: none",
                "nat",
            )
        if self.endpoints.interface and "private" not in self.tiers:
            raise Misfit(
                "interface endpoints stand in private subnets — add private to tiers", "endpoints"
            )
        self._check_subnets()

    def _check_zones(self, zones: tuple[str, ...]) -> None:
        if len(set(zones)) != len(zones):
            raise Misfit("a zone is named twice — leave one of them out", "zones")
        if len({zone[:-1] for zone in zones}) > 1:
            raise Misfit("the zones are of different regions — a VPC lives in one", "zones")

    def _check_subnets(self) -> None:
        count = len(self.letters)
        for tier in TIERS:
            given: tuple[str, ...] = getattr(self.subnets, tier)
            if given and tier not in self.tiers:
                raise Misfit(f"{tier} is not among the tiers", "subnets", tier)
            if given and len(given) != count:
                raise Misfit(
                    f"{len(given)} blocks for {count} zones — name one for each", "subnets", tier
                )
        placed: list[tuple[IPv4Network, Tier]] = []
        for tier, blocks in self.blocks().items():
            for block in blocks:
                self._check_block(block, tier, placed)
                placed.append((block, tier))

    def _check_block(
        self, block: IPv4Network, tier: Tier, placed: list[tuple[IPv4Network, Tier]]
    ) -> None:
        from ipaddress import IPv4Network

        if not block.subnet_of(IPv4Network(self.cidr)):
            raise Misfit(f"{block} is not within {self.cidr}", "subnets", tier)
        for other, where in placed:
            if block.overlaps(other):
                raise Misfit(f"{block} overlaps {other} of the {where} subnets", "subnets", tier)

    @property
    def letters(self) -> str:
        """A letter for each zone, as in the names of its subnets."""
        return LETTERS[: self.zones if isinstance(self.zones, int) else len(self.zones)]

    def blocks(self) -> dict[Tier, tuple[IPv4Network, ...]]:
        """The subnets' blocks by tier, in the order of zones.

        Computed ones are sixteenths of the VPC, four for each tier, so another zone moves none.
        Raises Misfit where the VPC is too small for that.
        """
        from ipaddress import IPv4Network

        found: dict[Tier, tuple[IPv4Network, ...]] = {}
        whole = IPv4Network(self.cidr)
        for tier in (each for each in TIERS if each in self.tiers):
            given: tuple[str, ...] = getattr(self.subnets, tier)
            if given:
                found[tier] = tuple(IPv4Network(block) for block in given)
                continue
            prefix = whole.prefixlen + 4
            if prefix > NARROWEST:
                raise Misfit(
                    f"{self.cidr} is too small to be divided — write a /24 or larger, or name the "
                    "subnets",
                    "cidr",
                )
            sixteenths = list(whole.subnets(new_prefix=prefix))
            first = 4 * TIERS.index(tier)
            found[tier] = tuple(sixteenths[first : first + len(self.letters)])
        return found


DEFINITION = NetworkDefinition
