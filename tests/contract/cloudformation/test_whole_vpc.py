"""A whole VPC as a stack: made, read back, changed in place and by replacement, removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.contract.cloudformation.read_back import expect_as_asked, expect_everything

from provisimus.localcloud.cloudformation.schemas import schema_of

VPC = (Path(__file__).parent / "vpc.yaml").read_text()
INSTANCE = """
Parameters: {ImageId: {Type: String}, SubnetId: {Type: String}, Which: {Type: String, Default: A}}
Conditions: {First: !Equals [!Ref Which, A]}
Resources:
  A: {Type: AWS::EC2::Instance, Properties: {ImageId: !Ref ImageId, SubnetId: !Ref SubnetId}}
  B: {Type: AWS::EC2::Instance, Properties: {ImageId: !Ref ImageId, SubnetId: !Ref SubnetId}}
  Own:
    Type: AWS::EC2::EIP
    Properties: {InstanceId: !If [First, !Ref A, !Ref B]}
  Moving: {Type: AWS::EC2::EIP}
  Association:
    Type: AWS::EC2::EIPAssociation
    Properties: {EIP: !Ref Moving, InstanceId: !If [First, !Ref B, !Ref A]}
"""
TYPES = [
    f"AWS::EC2::{name}"
    for name in (
        "EIP", "EIPAssociation", "EgressOnlyInternetGateway", "InternetGateway", "NatGateway",
        "NetworkAcl", "NetworkAclEntry", "NetworkInterface", "Route", "RouteTable",
        "SecurityGroupEgress", "SecurityGroupIngress", "Subnet", "SubnetNetworkAclAssociation",
        "SubnetRouteTableAssociation", "VPC", "VPCEndpoint", "VPCGatewayAttachment",
    )
]  # fmt: skip


def test_every_property_of_a_network_is_as_asked(story: Any) -> None:
    world = story.world
    before = left(world)
    assert story.create(VPC) == "CREATE_COMPLETE", story.news()
    compared = expect_as_asked(story)
    assert story.outputs["Card"] == "10.20.0.77"
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert left(world) == before

    values = [
        {"ParameterKey": "ImageId", "ParameterValue": world.images[0]},
        {"ParameterKey": "SubnetId", "ParameterValue": world.network["SubnetId"]},
    ]
    assert story.create(INSTANCE, Parameters=values) == "CREATE_COMPLETE", story.news()
    for name, seen in expect_as_asked(story).items():
        compared.setdefault(name, set()).update(seen)
    expect_everything(compared, TYPES)

    # The addresses change hands: one in place, one by another association.
    values.append({"ParameterKey": "Which", "ParameterValue": "B"})
    association = story.physical("Association")
    assert story.update(INSTANCE, Parameters=values) == "UPDATE_COMPLETE", story.news()
    expect_as_asked(story)
    assert story.physical("Association") != association
    assert public_addresses(story) == {
        story.physical("B"): story.physical("Own"),
        story.physical("A"): story.physical("Moving"),
    }
    assert story.delete() == "DELETE_COMPLETE", story.news()
    # Here, without machines, nobody tells moto that an instance's card goes with it.
    cards = {"NetworkInterfaces": before["NetworkInterfaces"]}
    assert {**left(world), **cards} == before


CHANGES = (
    # in place
    ("Default: green", "Default: blue"),
    ("EnableDnsHostnames: true", "EnableDnsHostnames: false"),
    ("MapPublicIpOnLaunch: true", "MapPublicIpOnLaunch: false"),
    ("      NatGatewayId: !Ref Nat\n", "      GatewayId: !Ref Gateway\n"),
    ("PortRange: {From: 443, To: 444}", "PortRange: {From: 443, To: 443}"),
    ("Icmp: {Code: -1, Type: 8}", "Icmp: {Code: -1, Type: 0}"),
    ("[!Ref PublicTable, !Ref PrivateTable]", "[!Ref PrivateTable]"),
    ("SubnetIds: [!Ref PrivateA, !Ref PrivateB]", "SubnetIds: [!Ref PrivateB, !Ref PublicA]"),
    ("SecurityGroupIds: [!Ref Back]", "SecurityGroupIds: [!Ref Front]"),
    ("s3:GetObject", "s3:PutObject"),
    ("Description: from the front", "Description: from the very front"),
    ("      Description: to the back\n", ""),
    ("Description: a card", "Description: another card"),
    ("GroupSet: [!Ref Front, !Ref Back]", "GroupSet: [!Ref Back]"),
    ("SourceDestCheck: false", "SourceDestCheck: true"),
    ("- {IpProtocol: tcp, FromPort: 443", "- {IpProtocol: tcp, FromPort: 442"),
    # by replacement
    ("PublicB: {Cidr: 10.20.1.0/24}", "PublicB: {Cidr: 10.20.2.0/24}"),
    ("RuleNumber: 110", "RuleNumber: 120"),
    ("FromPort: 80, ToPort: 80, CidrIp: 0.0.0.0/0", "FromPort: 81, ToPort: 81, CidrIp: 0.0.0.0/0"),
    ("10.20.0.2/32", "10.20.0.2/31"),
    ("PrivateIpAddress: 10.20.0.77", "PrivateIpAddress: 10.20.0.78"),
)


def test_a_network_changes_as_the_schemas_say(story: Any) -> None:
    world = story.world
    before = left(world)
    assert story.create(VPC) == "CREATE_COMPLETE", story.news()
    old = dict(world.engine.find(story.stack_id).resources)
    after = VPC
    for was, becomes in CHANGES:
        assert was in after, was
        after = after.replace(was, becomes)

    assert story.update(after) == "UPDATE_COMPLETE", story.news()

    expect_as_asked(story)
    new = dict(world.engine.find(story.stack_id).resources)
    expect_replaced(old, new)
    replaced = {name for name in old if old[name].physical_id != new[name].physical_id}
    assert replaced == {
        "AclPing", "BackMayAsk", "Card", "CardHasAddress", "PublicB", "PublicBOfTable", "World",
    }  # fmt: skip

    # And back, by a failure: everything is again what it was, under what ids it may.
    broken = VPC.replace("Outputs:", BROKEN)
    assert story.update(broken) == "UPDATE_ROLLBACK_COMPLETE", story.news()
    expect_as_asked(story)
    assert world.engine.find(story.stack_id).resources.keys() == old.keys()
    now, was = ids(world, story), {name: each.physical_id for name, each in new.items()}
    # An address has one association: the new one ended the old one, which is made again.
    assert now.pop("CardHasAddress") != was.pop("CardHasAddress")
    assert now == was
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert left(world) == before


BROKEN = """
  Last:
    Type: AWS::EC2::Subnet
    DependsOn: [CardHasAddress, AclPing, PrivateRoute, Settings, Buckets, World, FrontMaySpeak]
    Properties: {VpcId: !Ref Vpc, CidrBlock: 192.168.0.0/24}
Outputs:
"""


def expect_replaced(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Resources have another id where a property changed that the schema says replaces them."""
    for name, was in old.items():
        now = new[name]
        changed = {
            key
            for key in was.properties.keys() | now.properties.keys()
            if was.properties.get(key) != now.properties.get(key)
        }
        always = {key for key in changed if schema_of(was.type).recreation(key) == "Always"}
        assert bool(always) == (was.physical_id != now.physical_id), (name, changed)


def ids(world: Any, story: Any) -> dict[str, str]:
    resources = world.engine.find(story.stack_id).resources
    return {name: each.physical_id for name, each in resources.items()}


def public_addresses(story: Any) -> dict[str, str]:
    ids = [story.physical(name) for name in ("A", "B")]
    told = story.world.ec2.describe_instances(InstanceIds=ids)["Reservations"]
    return {i["InstanceId"]: i["PublicIpAddress"] for r in told for i in r["Instances"]}


def left(world: Any) -> dict[str, list[str]]:
    """Ids of everything in the account's network that is not deleted."""
    ec2 = world.ec2
    nats = ec2.describe_nat_gateways()["NatGateways"]
    endpoints = ec2.describe_vpc_endpoints()["VpcEndpoints"]
    rules = ec2.describe_security_group_rules()["SecurityGroupRules"]
    outward = ec2.describe_egress_only_internet_gateways()["EgressOnlyInternetGateways"]
    found = {
        "addresses": [each["PublicIp"] for each in ec2.describe_addresses()["Addresses"]],
        "rules": [each["SecurityGroupRuleId"] for each in rules],
        "outward": [each["EgressOnlyInternetGatewayId"] for each in outward],
        "nats": [each["NatGatewayId"] for each in nats if each["State"] != "deleted"],
        "endpoints": [each["VpcEndpointId"] for each in endpoints if each["State"] != "deleted"],
        "tags": [
            each["ResourceId"]
            for each in ec2.describe_tags()["Tags"]
            # What is told of after it is deleted has its tags for as long.
            if not each["ResourceId"].startswith(("nat-", "vpce-", "i-"))
        ],
    }
    for call, key, name in (
        ("describe_vpcs", "Vpcs", "VpcId"),
        ("describe_subnets", "Subnets", "SubnetId"),
        ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
        ("describe_route_tables", "RouteTables", "RouteTableId"),
        ("describe_network_acls", "NetworkAcls", "NetworkAclId"),
        ("describe_security_groups", "SecurityGroups", "GroupId"),
        ("describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ):
        found[key] = [each[name] for each in getattr(ec2, call)()[key]]
    return {key: sorted(ids) for key, ids in found.items()}


HELD = """
  Hold:
    Type: AWS::EC2::Instance
    DependsOn: [CardHasAddress, AclOfPrivateA, AclPing, PrivateRoute, Settings, Buckets, World]
    Properties: {ImageId: !Ref ImageId}
Outputs:
"""
LOST = (
    "Vpc", "Attachment", "Outward", "PublicB", "PrivateTable", "PublicRoute", "PublicAOfTable",
    "CardAddress", "Nat", "Buckets", "Acl", "AclPing", "AclOfPrivateA", "World", "Card",
    "CardHasAddress",
)  # fmt: skip


def test_what_was_made_too_late_to_be_saved_is_found_and_not_made_twice(story: Any) -> None:
    world = story.world
    before = left(world)
    body = VPC.replace("Parameters:\n", "Parameters:\n  ImageId: {Type: String}\n")
    world.faults.pending.set()
    made = world.cloudformation.create_stack(
        StackName=story.name,
        TemplateBody=body.replace("Outputs:", HELD),
        Parameters=[{"ParameterKey": "ImageId", "ParameterValue": world.images[0]}],
    )
    story.stack_id = made["StackId"]
    story.begun("Hold")
    was = ids(world, story)
    for name in LOST:
        world.restart(lose=name)
        # A rule of an ACL has no id of its own: any other serves as well.
        assert name == "AclPing" or story.begun(name) == was[name], name
    world.faults.pending.clear()
    assert story.settle() == "CREATE_COMPLETE", story.news()
    expect_as_asked(story)
    assert story.delete() == "DELETE_COMPLETE", story.news()
    cards = {"NetworkInterfaces": before["NetworkInterfaces"]}
    assert {**left(world), **cards} == before
