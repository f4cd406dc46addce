"""Where a stack lives: what the definition says, what the stack has already, or the default VPC."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.model import Stack
from provisimus.stacks.types.interface import NOWHERE, Network, OtherStack
from provisimus.workspace.definitions.stack import (
    DataVolume,
    InNetwork,
    Place,
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
) -> Network:
    """The network of a stack. A stack that stands keeps its own and costs no call; so does one in a
    network that the workspace declares, `others`.

    Raises NotFound for a subnet that is not there, Refused for a move that its data volumes cannot
    follow.
    """
    network = getattr(definition, "network", None)
    if network is None:
        return NOWHERE
    if used := network_used(network):
        return in_stack(others[used], network)
    kept = _kept(live) if live else None
    if isinstance(network, Place):
        if kept and (kept.vpc, kept.subnet) == (network.vpc, network.subnet):
            return kept
        asked = _placed(environment, network, where)
        volumes: tuple[DataVolume, ...] = getattr(definition, "data_volumes", ())
        if kept and volumes and asked.zone != kept.zone:
            raise Refused(
                f"the data volumes live in {kept.zone}; subnet {asked.subnet} is in {asked.zone}",
                where=where,
                hint="choose a subnet of the same zone: a volume cannot move between zones",
            )
        return asked
    return kept or _default(environment)


def in_stack(other: OtherStack, network: str | InNetwork) -> Network:
    """A subnet of a stack of type `network`, whose outputs stand in place of parameters. Pure."""
    tier, zone = (
        (network.subnet, network.zone) if isinstance(network, InNetwork) else ("private", "a")
    )
    subnet, place = f"{tier.capitalize()}Subnet{zone.upper()}", f"Zone{zone.upper()}"
    return Network(
        f"{other.name}.VpcId",
        f"{other.name}.{subnet}",
        f"{other.name}.{place}",
        tier == "public",
        wires={
            "VpcId": other.output("VpcId"),
            "SubnetId": other.output(subnet),
            "AvailabilityZone": other.output(place),
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


def _placed(environment: Environment, place: Place, where: str) -> Network:
    cloud = environment.cloud
    with speaking(cloud, f"look for subnet {place.subnet}"):
        found = cloud.ec2.describe_subnets(
            Filters=[
                {"Name": "vpc-id", "Values": [place.vpc]},
                {"Name": "subnet-id", "Values": [place.subnet]},
            ]
        )["Subnets"]
    if not found:
        raise NotFound(
            f"there is no subnet {place.subnet} in {place.vpc}",
            where=where,
            hint=f"is it in another account or region? this is {cloud.region}",
        )
    return _network(found[0])


def _default(environment: Environment) -> Network:
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
    subnet = first_default(subnets)
    if subnet is None:
        raise NotFound(
            f"the account has no default VPC with a default subnet in {cloud.region}",
            hint="name one: network: {vpc: vpc-…, subnet: subnet-…}",
        )
    return _network(subnet)


def _network(subnet: Any) -> Network:
    return Network(
        subnet["VpcId"],
        subnet["SubnetId"],
        subnet["AvailabilityZone"],
        bool(subnet.get("MapPublicIpOnLaunch")),
    )
