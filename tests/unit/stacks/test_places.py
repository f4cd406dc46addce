"""Zones and subnets that are named: which, and what is said of those that are not there."""

from __future__ import annotations

from provisimus.errors import Problem
from provisimus.stacks.places import SUBNET, ZONE, Named, missing, named_in
from provisimus.workspace.definitions.stacks.autoscaled_service import AutoscaledServiceDefinition
from provisimus.workspace.definitions.stacks.network import NetworkDefinition
from provisimus.workspace.definitions.stacks.raw import RawDefinition
from provisimus.workspace.problems import parse

ONE, TWO, THREE = (f"subnet-{digit * 8}" for digit in "123")
VPC, OTHER = "vpc-11111111", "vpc-22222222"
ZONES = ["eu-west-1a", "eu-west-1b"]


def subnet(name: str, vpc: str, zone: str = "eu-west-1a") -> dict[str, dict[str, str]]:
    return {name: {"SubnetId": name, "VpcId": vpc, "AvailabilityZone": zone}}


SUBNETS = {**subnet(ONE, VPC), **subnet(TWO, VPC, "eu-west-1b"), **subnet(THREE, OTHER)}


def typed(**kinds: str) -> dict[str, object]:
    return {"Parameters": {name: {"Type": kind} for name, kind in kinds.items()}}


def test_what_a_definition_names_is_found_at_its_key() -> None:
    network = parse(NetworkDefinition, {"type": "network", "zones": ZONES})
    given = {"ZoneA": "eu-west-1a", "ZoneB": "eu-west-1b"}
    assert named_in(network, typed(ZoneA=ZONE, ZoneB=ZONE), given) == [
        Named(ZONE, "eu-west-1a", ("zones", 0)),
        Named(ZONE, "eu-west-1b", ("zones", 1)),
    ]
    spread = {"vpc": VPC, "subnets": [ONE, TWO]}
    group = parse(
        AutoscaledServiceDefinition,
        {"type": "autoscaled-service", "machine": "web", "instance_type": "t3.small",
         "network": spread},
    )  # fmt: skip
    assert named_in(group, typed(SubnetIds=f"List<{SUBNET}>"), {"SubnetIds": f"{ONE},{TWO}"}) == [
        Named(SUBNET, ONE, ("network", "subnets", 0), VPC),
        Named(SUBNET, TWO, ("network", "subnets", 1), VPC),
    ]
    # Chosen for it, and so there.
    assert named_in(group, typed(SubnetIds=f"List<{SUBNET}>"), {"SubnetIds": THREE}) == []


def test_a_template_of_ones_own_says_by_its_types_what_its_parameters_name() -> None:
    values = {"Where": "eu-west-1a", "Text": "eu-west-1a", "All": [ONE, TWO]}
    raw = parse(RawDefinition, {"type": "raw", "template": "a.yaml", "parameters": values})
    template = typed(Where=ZONE, Text="String", All=f"List<{SUBNET}>")
    given = {"Where": "eu-west-1a", "Text": "eu-west-1a", "All": f"{ONE},{TWO}"}
    assert named_in(raw, template, given) == [
        Named(ZONE, "eu-west-1a", ("parameters", "Where")),
        Named(SUBNET, ONE, ("parameters", "All", 0)),
        Named(SUBNET, TWO, ("parameters", "All", 1)),
    ]


def said(*named: Named) -> list[Problem]:
    return list(missing(named, ZONES, SUBNETS, "eu-west-1"))


def test_what_is_there_is_nothing_to_tell_of() -> None:
    assert said(Named(ZONE, "eu-west-1b", ("zones", 0)), Named(SUBNET, ONE, ("a",), VPC)) == []


def test_what_is_not_there_is_told_with_what_is() -> None:
    maybe = "or is it in another account or region?"
    own = f"{ONE} (eu-west-1a), {TWO} (eu-west-1b)"
    assert said(
        Named(ZONE, "eu-west-1z", ("zones", 1)),
        Named(SUBNET, "subnet-00000000", ("network", "subnet"), VPC),
        Named(SUBNET, THREE, ("network", "subnet"), VPC),
        Named(SUBNET, ONE, ("network", "subnet"), "vpc-00000000"),
    ) == [
        Problem("", None, "zones/1", "there is no zone eu-west-1z in eu-west-1",
                "there are: eu-west-1a, eu-west-1b"),
        Problem("", None, "network/subnet", f"there is no subnet subnet-00000000 in {VPC}",
                f"there are: {own}; {maybe}"),
        Problem("", None, "network/subnet",
                f"there is no subnet {THREE} in {VPC}; it is in {OTHER}",
                f"there are: {own}; {maybe}"),
        Problem("", None, "network/subnet",
                "there is no network vpc-00000000 with subnets in eu-west-1",
                f"there are: {VPC}, {OTHER}; {maybe}"),
    ]  # fmt: skip
    (lost,) = missing([Named(SUBNET, ONE, ("a",))], [], {}, "eu-west-1")
    assert lost.hint == "is it in another account or region?"
