"""Read a resource back through its service's API, as the properties of a template.

One function per type, found by the type's name. What a handler honours and no reader tells is a
failure of the test that uses them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

Reader = Callable[[Any, str, Mapping[str, Any]], dict[str, Any]]
"""From a world, a physical id and the wanted properties (which may only serve to find it)."""
READERS: dict[str, Reader] = {}


def reads(name: str) -> Callable[[Reader], Reader]:
    def register(reader: Reader) -> Reader:
        READERS[name] = reader
        return reader

    return register


def given(source: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: source[name] for name in names if name in source}


def tags(told: Mapping[str, Any], key: str = "Tags") -> list[dict[str, str]]:
    """The tags of a template's own, not those of CloudFormation."""
    return [each for each in told.get(key, []) if not each["Key"].startswith("aws:")]


def texts(document: str) -> Any:
    return json.loads(document)


# ---- networks -----------------------------------------------------------------------------------


@reads("AWS::EC2::VPC")
def vpc(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_vpcs(VpcIds=[physical_id])["Vpcs"][0]

    def attribute(name: str) -> Any:
        answer = world.ec2.describe_vpc_attribute(VpcId=physical_id, Attribute=name)
        return answer[f"{name[0].upper()}{name[1:]}"]["Value"]

    return {
        **given(told, "CidrBlock", "InstanceTenancy"),
        "EnableDnsHostnames": attribute("enableDnsHostnames"),
        "EnableDnsSupport": attribute("enableDnsSupport"),
        "Tags": tags(told),
    }


@reads("AWS::EC2::Subnet")
def subnet(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_subnets(SubnetIds=[physical_id])["Subnets"][0]
    names = ("AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "VpcId")
    return {**given(told, *names), "Tags": tags(told)}


@reads("AWS::EC2::InternetGateway")
def internet_gateway(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_internet_gateways(InternetGatewayIds=[physical_id])
    return {"Tags": tags(told["InternetGateways"][0])}


@reads("AWS::EC2::VPCGatewayAttachment")
def gateway_attachment(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    kind, network = physical_id.split("|")
    assert kind == "IGW"
    filters = [{"Name": "attachment.vpc-id", "Values": [network]}]
    (told,) = world.ec2.describe_internet_gateways(Filters=filters)["InternetGateways"]
    return {
        "InternetGatewayId": told["InternetGatewayId"],
        "VpcId": told["Attachments"][0]["VpcId"],
    }


@reads("AWS::EC2::EgressOnlyInternetGateway")
def egress_only_gateway(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_egress_only_internet_gateways(
        EgressOnlyInternetGatewayIds=[physical_id]
    )["EgressOnlyInternetGateways"][0]
    return {"VpcId": told["Attachments"][0]["VpcId"], "Tags": tags(told)}


@reads("AWS::EC2::RouteTable")
def route_table(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_route_tables(RouteTableIds=[physical_id])["RouteTables"][0]
    return {"VpcId": told["VpcId"], "Tags": tags(told)}


@reads("AWS::EC2::Route")
def route(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    table, destination = physical_id.split("|")
    told = world.ec2.describe_route_tables(RouteTableIds=[table])["RouteTables"][0]
    (found,) = [
        each
        for each in told["Routes"]
        if destination in (each.get("DestinationCidrBlock"), each.get("DestinationIpv6CidrBlock"))
    ]
    assert found["State"] == "active"
    nothing = dict.fromkeys(
        (
            "DestinationCidrBlock", "DestinationIpv6CidrBlock", "EgressOnlyInternetGatewayId",
            "GatewayId", "NatGatewayId",
        )
    )  # fmt: skip
    return {**nothing, "RouteTableId": table, **found}


@reads("AWS::EC2::SubnetRouteTableAssociation")
def table_association(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    filters = [{"Name": "association.route-table-association-id", "Values": [physical_id]}]
    (told,) = world.ec2.describe_route_tables(Filters=filters)["RouteTables"]
    (found,) = [e for e in told["Associations"] if e["RouteTableAssociationId"] == physical_id]
    return given(found, "RouteTableId", "SubnetId")


@reads("AWS::EC2::EIP")
def address(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_addresses(PublicIps=[physical_id])["Addresses"][0]
    return {"Domain": told["Domain"], "InstanceId": told.get("InstanceId"), "Tags": tags(told)}


@reads("AWS::EC2::EIPAssociation")
def address_association(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    filters = [{"Name": "association-id", "Values": [physical_id]}]
    (told,) = world.ec2.describe_addresses(Filters=filters)["Addresses"]
    return {
        "EIP": told["PublicIp"],
        "InstanceId": told.get("InstanceId"),
        **given(told, "AllocationId", "NetworkInterfaceId"),
    }


@reads("AWS::EC2::NatGateway")
def nat_gateway(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_nat_gateways(NatGatewayIds=[physical_id])["NatGateways"][0]
    assert told["State"] == "available"
    return {
        "AllocationId": told["NatGatewayAddresses"][0]["AllocationId"],
        "Tags": tags(told),
        **given(told, "ConnectivityType", "SubnetId"),
    }


@reads("AWS::EC2::VPCEndpoint")
def endpoint(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_vpc_endpoints(VpcEndpointIds=[physical_id])["VpcEndpoints"][0]
    return {
        "PolicyDocument": texts(told["PolicyDocument"]),
        "SecurityGroupIds": [each["GroupId"] for each in told.get("Groups", [])],
        "Tags": tags(told),
        **given(
            told, "PrivateDnsEnabled", "RouteTableIds", "ServiceName", "SubnetIds",
            "VpcEndpointType", "VpcId",
        ),
    }  # fmt: skip


@reads("AWS::EC2::NetworkAcl")
def acl(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_network_acls(NetworkAclIds=[physical_id])["NetworkAcls"][0]
    return {"VpcId": told["VpcId"], "Tags": tags(told)}


@reads("AWS::EC2::NetworkAclEntry")
def acl_entry(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    owner = wanted["NetworkAclId"]
    told = world.ec2.describe_network_acls(NetworkAclIds=[owner])["NetworkAcls"][0]
    place = (wanted["RuleNumber"], wanted.get("Egress", False))
    (found,) = [e for e in told["Entries"] if (e["RuleNumber"], e["Egress"]) == place]
    return {
        "NetworkAclId": told["NetworkAclId"],
        "Protocol": int(found["Protocol"]),
        "Icmp": found.get("IcmpTypeCode"),
        "PortRange": found.get("PortRange"),
        "CidrBlock": found.get("CidrBlock"),
        "Ipv6CidrBlock": found.get("Ipv6CidrBlock"),
        **given(found, "Egress", "RuleAction", "RuleNumber"),
    }


@reads("AWS::EC2::SubnetNetworkAclAssociation")
def acl_association(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    filters = [{"Name": "association.association-id", "Values": [physical_id]}]
    (told,) = world.ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
    (found,) = [e for e in told["Associations"] if e["NetworkAclAssociationId"] == physical_id]
    return given(found, "NetworkAclId", "SubnetId")


@reads("AWS::EC2::SecurityGroupIngress")
def ingress(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return _rule(world, physical_id, "SourceSecurityGroupId", outward=False)


@reads("AWS::EC2::SecurityGroupEgress")
def egress(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    return _rule(world, physical_id, "DestinationSecurityGroupId", outward=True)


def _rule(world: Any, physical_id: str, peer: str, *, outward: bool) -> dict[str, Any]:
    (told,) = world.ec2.describe_security_group_rules(SecurityGroupRuleIds=[physical_id])[
        "SecurityGroupRules"
    ]
    assert told["IsEgress"] is outward
    return {
        "CidrIp": told.get("CidrIpv4"),
        "CidrIpv6": told.get("CidrIpv6"),
        peer: told.get("ReferencedGroupInfo", {}).get("GroupId"),
        "Description": told.get("Description"),
        **given(told, "FromPort", "GroupId", "IpProtocol", "ToPort"),
    }


@reads("AWS::EC2::NetworkInterface")
def card(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    told = world.ec2.describe_network_interfaces(NetworkInterfaceIds=[physical_id])
    (found,) = told["NetworkInterfaces"]
    return {
        "GroupSet": [each["GroupId"] for each in found["Groups"]],
        "Tags": tags(found, "TagSet"),
        **given(found, "Description", "PrivateIpAddress", "SourceDestCheck", "SubnetId"),
    }


@reads("AWS::EC2::LaunchTemplate")
def launch_template(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    (told,) = world.ec2.describe_launch_templates(LaunchTemplateIds=[physical_id])[
        "LaunchTemplates"
    ]
    latest = world.ec2.describe_launch_template_versions(
        LaunchTemplateId=physical_id, Versions=["$Latest"]
    )["LaunchTemplateVersions"][0]
    return {
        "LaunchTemplateName": told["LaunchTemplateName"],
        "TagSpecifications": [{"ResourceType": "launch-template", "Tags": tags(told)}],
        "VersionDescription": latest.get("VersionDescription"),
        "LaunchTemplateData": latest["LaunchTemplateData"],
    }
