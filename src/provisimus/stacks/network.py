"""Where a stack lives: what the definition says, what the stack has already, or the default VPC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.model import Stack
from provisimus.stacks.places import Places
from provisimus.stacks.types.interface import NOWHERE, Network, OtherStack
from provisimus.workspace.definitions.stack import (
    DataVolume,
    InNetwork,
    Place,
    Spread,
    StackDefinition,
    network_used,
)


def resolve_network(
    environment: Environment,
    definition: StackDefinition,
    live: Stack | None,
    others: Mapping[str, OtherStack],
    *,
    where: str,
    places: Places,
) -> Network:
    """The network of a stack. A stack that stands keeps its own and costs no call; so does one in a
    network that the workspace declares, `others`.

    Raises InvalidDefinitions for a subnet that is not there, NotFound without a default one,
    Refused for a move that its data volumes cannot follow.
    """
    network = getattr(definition, "network", None)
    if network is None:
        return NOWHERE
    if definition.several_zones:
        return _spread(environment, network, live, others, uses_of_network(definition))
    if used := network_used(network):
        return in_stack(others[used], network)
    kept = _kept(live) if live else None
    if isinstance(network, Place):
        if kept and (kept.vpc, kept.subnet) == (network.vpc, network.subnet):
            return kept
        asked = _network(places.placed(network))
        volumes: tuple[DataVolume, ...] = getattr(definition, "data_volumes", ())
        if kept and volumes and asked.zone != kept.zone:
            raise Refused(
                f"the data volumes live in {kept.zone}; subnet {asked.subnet} is in {asked.zone}",
                where=where,
                hint="choose a subnet of the same zone: a volume cannot move between zones",
            )
        return asked
    return kept or _default(environment)


def offline_network(definition: StackDefinition, others: Mapping[str, OtherStack]) -> Network:
    """A network for a template that is only looked at: public, in two zones, without ids. Pure."""
    network = getattr(definition, "network", None)
    if network is None:
        return NOWHERE
    if (used := network_used(network)) and definition.several_zones:
        return over_stack(others[used], uses_of_network(definition))
    if used:
        return in_stack(others[used], network)
    return Network("", public=True, subnets=("", ""), front=("", ""))


def in_stack(other: OtherStack, network: str | InNetwork) -> Network:
    """A subnet of a stack of type `network`, whose outputs stand in place of parameters. Pure."""
    named = network if isinstance(network, InNetwork) else InNetwork(stack=network)
    subnet, place = named.outputs
    return Network(
        f"{other.name}.VpcId",
        f"{other.name}.{subnet}",
        f"{other.name}.{place}",
        named.subnet == "public",
        wires={
            "VpcId": other.output("VpcId"),
            "SubnetId": other.output(subnet),
            "AvailabilityZone": other.output(place),
        },
    )


def uses_of_network(definition: StackDefinition) -> tuple[str, ...]:
    """The tiers of a network that a stack over several zones lives in: its own first."""
    asked = [output for use in definition.uses() if use.type == "network" for output in use.outputs]
    return tuple(dict.fromkeys(output.partition("Subnet")[0] for output in asked))


def _spread(
    environment: Environment,
    network: str | Spread,
    live: Stack | None,
    others: Mapping[str, OtherStack],
    tiers: tuple[str, ...],
) -> Network:
    """The network of a stack over several zones."""
    if isinstance(network, Spread):
        return Network(network.vpc, subnets=network.subnets, front=network.front or network.subnets)
    if used := network_used(network):
        return over_stack(others[used], tiers)
    given = live.parameters if live else {}
    if {"VpcId", "SubnetIds"} <= given.keys():
        own = tuple(given["SubnetIds"].split(","))
        return Network(given["VpcId"], subnets=own, front=own)
    subnets = sorted(_defaults(environment), key=lambda each: str(each["AvailabilityZone"]))[:3]
    own = tuple(each["SubnetId"] for each in subnets)
    return Network(subnets[0]["VpcId"], subnets=own, front=own)


def over_stack(other: OtherStack, tiers: tuple[str, ...]) -> Network:
    """The subnets of one or two tiers of a stack of type `network`, in all of its zones. Pure."""
    from provisimus.workspace.definitions.stacks.network import NetworkDefinition

    assert isinstance(other.definition, NetworkDefinition)
    letters = other.definition.letters.upper()
    own, front = ([f"{tier}Subnet{each}" for each in letters] for tier in (tiers[0], tiers[-1]))
    return Network(
        f"{other.name}.VpcId",
        subnets=tuple(f"{other.name}.{each}" for each in own),
        front=tuple(f"{other.name}.{each}" for each in front),
        wires={
            "VpcId": other.output("VpcId"),
            "SubnetIds": [other.output(each) for each in own],
            "FrontSubnetIds": [other.output(each) for each in front],
        },
    )


def first_default(subnets: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The default subnet of the first zone by name, so that everyone chooses the same."""
    defaults = [each for each in subnets if each.get("DefaultForAz")]
    return min(defaults, key=lambda each: str(each["AvailabilityZone"]), default=None)


def _kept(live: Stack) -> Network | None:
    given = live.parameters
    if not ({"VpcId", "SubnetId"} <= given.keys()):
        return None
    return Network(
        given["VpcId"],
        given["SubnetId"],
        given.get("AvailabilityZone", ""),
        "PublicIp" in live.outputs or not live.outputs,
    )


def _default(environment: Environment) -> Network:
    subnet = first_default(_defaults(environment))
    assert subnet is not None
    return _network(subnet)


def _defaults(environment: Environment) -> list[Any]:
    """The default subnets of the default VPC. Raises NotFound when there is none."""
    cloud = environment.cloud
    with speaking(cloud, "look for the default VPC"):
        vpcs = cloud.ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
        subnets = (
            cloud.ec2.describe_subnets(
                Filters=[
                    {"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]},
                    {"Name": "default-for-az", "Values": ["true"]},
                ]
            )["Subnets"]
            if vpcs
            else []
        )
    if first_default(subnets) is None:
        raise NotFound(
            f"the account has no default VPC with a default subnet in {cloud.region}",
            hint="name one: network: {vpc: vpc-…, subnet: subnet-…}",
        )
    return list(subnets)


def _network(subnet: Any) -> Network:
    return Network(
        subnet["VpcId"],
        subnet["SubnetId"],
        subnet["AvailabilityZone"],
        bool(subnet.get("MapPublicIpOnLaunch")),
    )
