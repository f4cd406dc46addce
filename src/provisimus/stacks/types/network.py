"""The stack type `network`: a VPC over two or three zones, with what leads in and out of it."""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import around_network as around
from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import Forbidden, StackType, Template, WantedStack
from provisimus.stacks.types.parts import EVERYWHERE
from provisimus.workspace.definitions.stacks.network import NetworkDefinition, Tier

Wanted = WantedStack[NetworkDefinition]


class Network(StackType[NetworkDefinition]):
    name = "network"
    definition = NetworkDefinition
    summary = "a VPC over two or three zones: subnets, ways out, endpoints, flow logs, names"
    example = """\
type: network
cidr: 10.20.0.0/16              # /16 to /28; each subnet gets a sixteenth of it
zones: 2                        # or by name: [eu-west-1a, eu-west-1b]
tiers: [public, private, data]  # reached from outside; reaches out through NAT; neither
nat: none                       # none, one, per-zone; machine images need nothing from outside
endpoints:                      # AWS services reached without leaving the VPC
  gateway: [s3]
  interface: [ssm, ssmmessages]
flow_logs: {traffic: REJECT, keep: 30d}
closed_data: true               # a network ACL keeps the data subnets within the VPC
dns: acme.internal              # a private zone for names of your own
environments:                   # what differs, per environment
  production: {zones: 3, nat: per-zone}
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        asked = wanted.definition
        template = {
            "AWSTemplateFormatVersion": "2010-09-09",
            "Description": f"{wanted.service}: a network over {len(asked.letters)} zones "
            "(Provisimus)",
            "Parameters": _parameters(asked),
            "Resources": {
                "Vpc": _vpc(asked),
                **_subnets(asked),
                **(_way_in(asked) if "public" in asked.tiers else {}),
                **_nat(asked),
                **_private_routes(asked),
                **(_closed(asked) if asked.closed_data and "data" in asked.tiers else {}),
                **around.endpoints(asked),
                **(around.flow_logs(wanted) if asked.flow_logs else {}),
                **(around.zone(asked) if asked.dns else {}),
            },
            "Outputs": _outputs(asked),
        }
        return {key: each for key, each in template.items() if each}

    def forbidden(self, running: Template, wanted: Template) -> Forbidden | None:
        """Another VPC would be made before the old one goes, and the internet gateway is attached
        to one at a time (AttachInternetGateway); so the change would fail half-way."""
        before, after = (_block_of(each) for each in (running, wanted))
        led_into = all("InternetGateway" in each.get("Resources", {}) for each in (running, wanted))
        if before is None or before == after or not led_into:
            return None
        return Forbidden(
            f"a network that stands keeps its addresses: it has {before}, cidr says {after}",
            "declare another network beside it, move to it what uses this one, then delete it",
        )

    def parameters(self, wanted: Wanted) -> dict[str, str]:
        zones = wanted.definition.zones
        named = zones if isinstance(zones, tuple) else ()
        letters = wanted.definition.letters
        return {f"Zone{a.upper()}": zone for a, zone in zip(letters, named, strict=False)}


def _block_of(template: Template) -> str | None:
    """The VPC's own; None for a template that has no such VPC."""
    vpc = template.get("Resources", {}).get("Vpc", {})
    block = vpc.get("Properties", {}).get("CidrBlock")
    return block if isinstance(block, str) else None


def _parameters(asked: NetworkDefinition) -> dict[str, Any]:
    if isinstance(asked.zones, int):
        return {}
    return {
        f"Zone{letter.upper()}": {
            "Type": "AWS::EC2::AvailabilityZone::Name",
            "Description": f"The zone of the subnets {letter}.",
        }
        for letter in asked.letters
    }


def _vpc(asked: NetworkDefinition) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::VPC",
        "Properties": {
            "CidrBlock": asked.cidr,
            "EnableDnsSupport": True,
            "EnableDnsHostnames": True,
            "Tags": parts.named(),
        },
    }


def _subnets(asked: NetworkDefinition) -> dict[str, Any]:
    return {
        f"{tier.capitalize()}Subnet{letter.upper()}": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "AvailabilityZone": _zone_of(asked, letter),
                "CidrBlock": str(block),
                "MapPublicIpOnLaunch": tier == "public",
                "Tags": [
                    *parts.named(f"{tier} {letter}"),
                    {"Key": "provisimus:tier", "Value": tier},
                ],
            },
        }
        for tier, blocks in asked.blocks().items()
        for letter, block in zip(asked.letters, blocks, strict=True)
    }


def _zone_of(asked: NetworkDefinition, letter: str) -> dict[str, Any]:
    if isinstance(asked.zones, int):
        return {"Fn::Select": [asked.letters.index(letter), {"Fn::GetAZs": ""}]}
    return {"Ref": f"Zone{letter.upper()}"}


# ---- routes --------------------------------------------------------------------------------------


def _way_in(asked: NetworkDefinition) -> dict[str, Any]:
    """The internet gateway, and the one route table of all public subnets."""
    return {
        "InternetGateway": {
            "Type": "AWS::EC2::InternetGateway",
            "Properties": {"Tags": parts.named()},
        },
        "InternetGatewayAttachment": {
            "Type": "AWS::EC2::VPCGatewayAttachment",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "InternetGatewayId": {"Ref": "InternetGateway"},
            },
        },
        "PublicRoutes": _route_table("public"),
        "PublicRouteOut": {
            "Type": "AWS::EC2::Route",
            # A route to a gateway that is not attached yet is refused ("DependsOn attribute").
            "DependsOn": "InternetGatewayAttachment",
            "Properties": {
                "RouteTableId": {"Ref": "PublicRoutes"},
                "DestinationCidrBlock": EVERYWHERE,
                "GatewayId": {"Ref": "InternetGateway"},
            },
        },
        **{
            f"PublicRoutes{letter.upper()}": _association("public", letter, "PublicRoutes")
            for letter in asked.letters
        },
    }


def _nat(asked: NetworkDefinition) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for letter in _nat_zones(asked):
        big = letter.upper()
        found[f"NatAddress{big}"] = {
            "Type": "AWS::EC2::EIP",
            "DependsOn": "InternetGatewayAttachment",
            "Properties": {"Domain": "vpc", "Tags": parts.named(f"nat {letter}")},
        }
        found[f"Nat{big}"] = {
            "Type": "AWS::EC2::NatGateway",
            "Properties": {
                "AllocationId": {"Fn::GetAtt": [f"NatAddress{big}", "AllocationId"]},
                "SubnetId": {"Ref": f"PublicSubnet{big}"},
                "Tags": parts.named(f"{letter}"),
            },
        }
    return found


def _nat_zones(asked: NetworkDefinition) -> str:
    return {"none": "", "one": asked.letters[0], "per-zone": asked.letters}[asked.nat]


def _private_routes(asked: NetworkDefinition) -> dict[str, Any]:
    """A route table for each private subnet, so that each can leave by a gateway of its own zone;
    one for all data subnets, with no way out."""
    found: dict[str, Any] = {}
    ways = _nat_zones(asked)
    if "private" in asked.tiers:
        for letter in asked.letters:
            table = f"PrivateRoutes{letter.upper()}"
            found[table] = _route_table(f"private {letter}")
            found[f"{table}Used"] = _association("private", letter, table)
            if ways:
                gateway = letter if letter in ways else ways[0]
                found[f"PrivateRouteOut{letter.upper()}"] = {
                    "Type": "AWS::EC2::Route",
                    "Properties": {
                        "RouteTableId": {"Ref": table},
                        "DestinationCidrBlock": EVERYWHERE,
                        "NatGatewayId": {"Ref": f"Nat{gateway.upper()}"},
                    },
                }
    if "data" in asked.tiers:
        found["DataRoutes"] = _route_table("data")
        for letter in asked.letters:
            found[f"DataRoutes{letter.upper()}"] = _association("data", letter, "DataRoutes")
    return found


def _route_table(name: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::RouteTable",
        "Properties": {"VpcId": {"Ref": "Vpc"}, "Tags": parts.named(f"{name}")},
    }


def _association(tier: Tier, letter: str, table: str) -> dict[str, Any]:
    return {
        "Type": "AWS::EC2::SubnetRouteTableAssociation",
        "Properties": {
            "RouteTableId": {"Ref": table},
            "SubnetId": {"Ref": f"{tier.capitalize()}Subnet{letter.upper()}"},
        },
    }


# ---- what is let through -------------------------------------------------------------------------


def _closed(asked: NetworkDefinition) -> dict[str, Any]:
    def entry(*, egress: bool) -> dict[str, Any]:
        return {
            "Type": "AWS::EC2::NetworkAclEntry",
            "Properties": {
                "NetworkAclId": {"Ref": "DataAcl"},
                "RuleNumber": 100,
                "Protocol": -1,
                "RuleAction": "allow",
                "Egress": egress,
                "CidrBlock": asked.cidr,
            },
        }

    return {
        "DataAcl": {
            "Type": "AWS::EC2::NetworkAcl",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "Tags": parts.named("data")},
        },
        "DataAclIn": entry(egress=False),
        "DataAclOut": entry(egress=True),
        **{
            f"DataAcl{letter.upper()}": {
                "Type": "AWS::EC2::SubnetNetworkAclAssociation",
                "Properties": {
                    "NetworkAclId": {"Ref": "DataAcl"},
                    "SubnetId": {"Ref": f"DataSubnet{letter.upper()}"},
                },
            }
            for letter in asked.letters
        },
    }


def _outputs(asked: NetworkDefinition) -> dict[str, Any]:
    """By name for who uses the network; each subnet and zone alone, for a list is no value."""
    outputs: dict[str, Any] = {
        "VpcId": {"Value": {"Ref": "Vpc"}},
        "Cidr": {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}},
    }
    for letter in asked.letters:
        outputs[f"Zone{letter.upper()}"] = {"Value": _zone_of(asked, letter)}
    for tier in asked.blocks():
        for letter in asked.letters:
            name = f"{tier.capitalize()}Subnet{letter.upper()}"
            outputs[name] = {"Value": {"Ref": name}}
    for letter in _nat_zones(asked):
        outputs[f"NatAddress{letter.upper()}"] = {
            "Description": "From where the private subnets are seen outside.",
            "Value": {"Ref": f"NatAddress{letter.upper()}"},
        }
    if asked.dns:
        outputs["DnsZoneId"] = {"Description": asked.dns, "Value": {"Ref": "Names"}}
    return outputs


TYPE = Network()
