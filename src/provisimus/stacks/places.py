"""The zones and subnets that a definition names are looked for before anything is changed.

CloudFormation would find out by a creation that fails, half-way. Which values are meant, the types
of the template's parameters say ("AWS-specific parameter types" in its user guide), so a company's
own types and templates are looked through, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cached_property
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import InvalidDefinitions, Problem
from provisimus.stacks.types.interface import Template
from provisimus.workspace.definitions.stack import Place, StackDefinition

ZONE, SUBNET = "AWS::EC2::AvailabilityZone::Name", "AWS::EC2::Subnet::Id"
SHOWN = 12
"""How many of those that exist a hint lists."""


@dataclass(frozen=True)
class Named:
    """A zone or a subnet (`kind` is its parameter type), and the key under which it stands."""

    kind: str
    value: str
    key: tuple[str | int, ...]
    vpc: str | None = None
    """The network that it is said to be in."""


@dataclass(frozen=True)
class Places:
    """What there is in an environment, asked for at most once."""

    environment: Environment

    @cached_property
    def zones(self) -> list[str]:
        """Those that the account may use, by name."""
        cloud = self.environment.cloud
        with speaking(cloud, "list the availability zones"):
            found = cloud.ec2.describe_availability_zones()["AvailabilityZones"]
        return sorted(each["ZoneName"] for each in found)

    @cached_property
    def subnets(self) -> dict[str, Any]:
        """As EC2 describes them, by id."""
        cloud = self.environment.cloud
        with speaking(cloud, "list the subnets"):
            pages = cloud.ec2.get_paginator("describe_subnets").paginate()
            return {each["SubnetId"]: each for page in pages for each in page["Subnets"]}

    def check(self, named: Sequence[Named]) -> None:
        """Raises InvalidDefinitions for what is not there. Asks nothing where nothing is named."""
        kinds = {each.kind for each in named}
        zones = self.zones if ZONE in kinds else []
        subnets = self.subnets if SUBNET in kinds else {}
        region = self.environment.cloud.region
        if problems := list(missing(named, zones, subnets, region)):
            raise InvalidDefinitions(problems)

    def placed(self, place: Place) -> Any:
        """The subnet of a place, as EC2 describes it. Raises InvalidDefinitions."""
        self.check([Named(SUBNET, place.subnet, ("network", "subnet"), place.vpc)])
        return self.subnets[place.subnet]


def named_in(
    definition: StackDefinition, template: Template, parameters: Mapping[str, str]
) -> list[Named]:
    """What a definition names itself: what was chosen for it is there. Pure."""
    network = getattr(definition, "network", None)
    found: dict[Named, None] = {}
    for name, about in template.get("Parameters", {}).items():
        kind = str(about.get("Type", "")).removeprefix("List<").removesuffix(">")
        if kind not in (ZONE, SUBNET):
            continue
        for value in filter(None, str(parameters.get(name, "")).split(",")):
            key = _key_of(definition, value, name)
            if key is not None:
                vpc = getattr(network, "vpc", None) if key[0] == "network" else None
                found[Named(kind, value, key, vpc)] = None
    return list(found)


def missing(
    named: Sequence[Named], zones: Sequence[str], subnets: Mapping[str, Any], region: str
) -> Iterator[Problem]:
    """What is not there, each with those that are. Who knows file and line adds them. Pure."""
    for each in named:
        key = "/".join(map(str, each.key))
        if each.kind == ZONE and each.value not in zones:
            said = f"there is no zone {each.value} in {region}"
            yield Problem("", None, key, said, f"there are: {_listed(zones)}")
        if each.kind != SUBNET:
            continue
        there = subnets.get(each.value)
        if there is not None and each.vpc in (None, there["VpcId"]):
            continue
        own = [s for s in subnets.values() if each.vpc in (None, s["VpcId"])]
        if not own and each.vpc:
            known = sorted({str(s["VpcId"]) for s in subnets.values()})
            said = f"there is no network {each.vpc} with subnets in {region}"
            yield Problem("", None, key, said, _others(known))
            continue
        where = each.vpc or region
        elsewhere = f"; it is in {there['VpcId']}" if there is not None else ""
        said = f"there is no subnet {each.value} in {where}{elsewhere}"
        known = sorted(f"{s['SubnetId']} ({s['AvailabilityZone']})" for s in own)
        yield Problem("", None, key, said, _others(known))


def _others(known: Sequence[str]) -> str:
    if not known:
        return "is it in another account or region?"
    return f"there are: {_listed(known)}; or is it in another account or region?"


def _listed(known: Sequence[str]) -> str:
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return ", ".join(known[:SHOWN]) + more


def _key_of(value: Any, wanted: str, parameter: str) -> tuple[str | int, ...] | None:
    """Where a text stands in a definition, as its own or among those of a list."""
    if isinstance(value, str):
        return () if wanted in value.split(",") else None
    if is_dataclass(value):
        inside: Any = vars(value).items()
    elif isinstance(value, Mapping):
        # A raw stack may say the same twice, for different parameters.
        inside = [(k, v) for k, v in value.items() if parameter not in value or k == parameter]
    elif isinstance(value, (list, tuple)):
        inside = enumerate(value)
    else:
        return None
    for key, each in inside:
        below = _key_of(each, wanted, parameter)
        if below is not None:
            return (key, *below)
    return None
