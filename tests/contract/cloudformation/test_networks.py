"""Resources of networks one by one: what EC2 refuses, what is only recorded, what changes how."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.contract.cloudformation.read_back import expect_as_asked
from tests.contract.cloudformation.test_whole_vpc import left

BASE = """
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.30.0.0/16}}
  Other: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.31.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.30.0.0/24}}
  Gateway: {Type: AWS::EC2::InternetGateway}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Strange: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Other}}
  Acl: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}
  Second: {Type: AWS::EC2::NetworkAcl, Properties: {VpcId: !Ref Vpc}}
  Address: {Type: AWS::EC2::EIP}
  Group: {Type: AWS::EC2::SecurityGroup, Properties: {VpcId: !Ref Vpc, GroupDescription: g}}
  Table2: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
"""


def with_last(kind: str, properties: str, more: str = "") -> str:
    return f"{BASE}{more}  Last: {{Type: AWS::EC2::{kind}, Properties: {{{properties}}}}}\n"


ATTACHED = (
    "  Attachment: {Type: AWS::EC2::VPCGatewayAttachment, "
    "Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}}\n"
)
ASSOCIATED = (
    "  Association: {Type: AWS::EC2::SubnetRouteTableAssociation, "
    "Properties: {RouteTableId: !Ref Table, SubnetId: !Ref Subnet}}\n"
)
NAT = (
    "  Nat: {Type: AWS::EC2::NatGateway, "
    "Properties: {AllocationId: !GetAtt Address.AllocationId, SubnetId: !Ref Subnet}}\n"
)
S3 = "VpcId: !Ref Vpc, ServiceName: com.amazonaws.eu-west-1.s3"
RULE = "NetworkAclId: !Ref Acl, RuleNumber: 1, Protocol: 6, RuleAction: allow"
PORT = "GroupId: !Ref Group, IpProtocol: tcp, FromPort: 80, ToPort: 80"


@pytest.mark.parametrize(
    ("kind", "properties", "code", "more"),
    [
        ("VPC", "CidrBlock: 10.0.0.0/8", "InvalidVpc.Range", ""),
        ("VPC", "CidrBlock: 10.0.0/16", "InvalidParameterValue", ""),
        ("VPC", "InstanceTenancy: default", "MissingParameter", ""),
        ("VPC", "CidrBlock: 10.0.0.0/16, InstanceTenancy: dedicated", "not to this local cl", ""),
        ("Subnet", "VpcId: !Ref Vpc, CidrBlock: 10.99.0.0/24", "InvalidSubnet.Range", ""),
        ("Subnet", "VpcId: !Ref Vpc, CidrBlock: 10.30.1.0/29", "InvalidSubnet.Range", ""),
        ("Subnet", "VpcId: !Ref Vpc, CidrBlock: 10.30.0.128/25", "InvalidSubnet.Conflict", ""),
        (
            "Subnet",
            "VpcId: !Ref Vpc, CidrBlock: 10.30.1.0/24, AvailabilityZone: us-east-1a",
            "InvalidParameterValue",
            "",
        ),
        ("Subnet", "VpcId: vpc-0, CidrBlock: 10.30.1.0/24", "InvalidVpcID.NotFound", ""),
        (
            "VPCGatewayAttachment",
            "VpcId: !Ref Other, InternetGatewayId: !Ref Gateway",
            "Resource.AlreadyAssociated",
            ATTACHED,
        ),
        ("VPCGatewayAttachment", "VpcId: !Ref Vpc", "MissingParameter", ""),
        ("RouteTable", "VpcId: vpc-0", "InvalidVpcID.NotFound", ""),
        (
            "Route",
            "RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: !Ref Gateway",
            "belong to different networks",
            "",
        ),
        (
            "Route",
            "RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, NatGatewayId: nat-0",
            "NatGatewayNotFound",
            "",
        ),
        (
            "Route",
            "RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0, GatewayId: x-0",
            "InvalidGatewayID.NotFound",
            "",
        ),
        (
            "Route",
            "RouteTableId: !Ref Table, DestinationCidrBlock: 0.0.0.0/0",
            "MissingParameter",
            "",
        ),
        (
            "Route",
            "RouteTableId: !Ref Table, DestinationCidrBlock: nowhere, NatGatewayId: !Ref Nat",
            "InvalidParameterValue",
            NAT,
        ),
        (
            "SubnetRouteTableAssociation",
            "RouteTableId: !Ref Strange, SubnetId: !Ref Subnet",
            "belong to different networks",
            "",
        ),
        (
            "SubnetRouteTableAssociation",
            "RouteTableId: !Ref Table2, SubnetId: !Ref Subnet",
            "Resource.AlreadyAssociated",
            ASSOCIATED,
        ),
        ("EIP", "Domain: standard", "Domain standard", ""),
        ("EIP", "InstanceId: i-0123456789abcdef0", "InvalidInstanceID", ""),
        ("EIPAssociation", "EIP: 192.0.2.1, InstanceId: i-0", "Invalid", ""),
        ("EIPAssociation", "AllocationId: !GetAtt Address.AllocationId", "MissingParameter", ""),
        ("NatGateway", "SubnetId: !Ref Subnet", "MissingParameter", ""),
        (
            "NatGateway",
            "SubnetId: !Ref Subnet, AllocationId: eipalloc-0",
            "InvalidAllocationID.NotFound",
            "",
        ),
        (
            "NatGateway",
            "SubnetId: !Ref Subnet, AllocationId: !GetAtt Address.AllocationId",
            "Resource.AlreadyAssociated",
            NAT,
        ),
        (
            "VPCEndpoint",
            "VpcId: !Ref Vpc, ServiceName: com.amazonaws.us-east-1.s3",
            "InvalidServiceName",
            "",
        ),
        (
            "VPCEndpoint",
            "VpcId: !Ref Vpc, ServiceName: com.amazonaws.eu-west-1.ssm",
            "does not match available service types",
            "",
        ),
        (
            "VPCEndpoint",
            (
                "VpcId: !Ref Vpc, ServiceName: com.amazonaws.eu-west-1.ssm, "
                "VpcEndpointType: Interface, PrivateDnsEnabled: true"
            ),
            "enableDnsHostnames",
            "",
        ),
        ("VPCEndpoint", f"{S3}, VpcEndpointType: Tunnel", "not to this local cloud", ""),
        ("VPCEndpoint", f"{S3}, RouteTableIds: [!Ref Strange]", "InvalidParameter", ""),
        ("NetworkAclEntry", f"{RULE}, CidrBlock: 0.0.0.0/0", "portRange", ""),
        (
            "NetworkAclEntry",
            f"{RULE}, CidrBlock: 0.0.0.0/99, PortRange: {{From: 1, To: 2}}",
            "InvalidParameterValue",
            "",
        ),
        (
            "NetworkAclEntry",
            (
                "NetworkAclId: !Ref Acl, RuleNumber: 32767, Protocol: -1, RuleAction: allow, "
                "CidrBlock: 0.0.0.0/0"
            ),
            "ruleNumber",
            "",
        ),
        (
            "NetworkAclEntry",
            (
                "NetworkAclId: !Ref Acl, RuleNumber: 7, Protocol: -1, RuleAction: allow, "
                "CidrBlock: 0.0.0.0/0"
            ),
            "NetworkAclEntryAlreadyExists",
            (
                "  First: {Type: AWS::EC2::NetworkAclEntry, Properties: {NetworkAclId: !Ref Acl, "
                "RuleNumber: 7, Protocol: -1, RuleAction: deny, CidrBlock: 0.0.0.0/0}}\n"
            ),
        ),
        (
            "SubnetNetworkAclAssociation",
            "NetworkAclId: acl-0, SubnetId: !Ref Subnet",
            "InvalidNetworkAclID.NotFound",
            "",
        ),
        ("SecurityGroupIngress", f"{PORT}, CidrIp: 10.0.0.0/99", "InvalidParameterValue", ""),
        ("SecurityGroupIngress", PORT, "MissingParameter", ""),
        (
            "SecurityGroupIngress",
            f"{PORT}, CidrIp: 0.0.0.0/0, Description: another",
            "InvalidPermission.Duplicate",
            (
                f"  First: {{Type: AWS::EC2::SecurityGroupIngress, "
                f"Properties: {{{PORT}, CidrIp: 0.0.0.0/0}}}}\n"
            ),
        ),
        ("SecurityGroupEgress", f"{PORT}, DestinationSecurityGroupId: sg-0", "NotFound", ""),
        ("NetworkInterface", "SubnetId: !Ref Subnet, GroupSet: [sg-0]", "NotFound", ""),
        (
            "NetworkInterface",
            "SubnetId: !Ref Subnet, PrivateIpAddress: 10.99.0.9",
            "InvalidParameterValue",
            "",
        ),
        (
            "NetworkInterface",
            "SubnetId: !Ref Subnet, PrivateIpAddress: 10.30.0.9",
            "InvalidIPAddress.InUse",
            (
                "  First: {Type: AWS::EC2::NetworkInterface, "
                "Properties: {SubnetId: !Ref Subnet, PrivateIpAddress: 10.30.0.9}}\n"
            ),
        ),
        ("EgressOnlyInternetGateway", "VpcId: vpc-0", "InvalidVpcID.NotFound", ""),
    ],
)
def test_what_ec2_refuses_is_the_reason_and_nothing_is_left(
    story: Any, kind: str, properties: str, code: str, more: str
) -> None:
    before = left(story.world)
    # Last of all, so that everything that must go again is there.
    names = re.findall(r"^  (\w+):", BASE + more, re.MULTILINE)
    body = (
        f"{BASE}{more}  Last:\n    Type: AWS::EC2::{kind}\n    DependsOn: [{', '.join(names)}]\n"
        f"    Properties: {{{properties}}}\n"
    )

    assert story.create(body) == "ROLLBACK_COMPLETE"

    failed = [line for line in story.news() if " CREATE_FAILED" in line]
    assert failed[0].startswith("Last CREATE_FAILED")
    assert code in failed[0]
    assert left(story.world) == before


@pytest.mark.parametrize(
    ("kind", "properties", "path"),
    [
        ("VPC", "CidrBlock: 10.0.0.0/16, Ipv4IpamPoolId: x", "Ipv4IpamPoolId"),
        ("Subnet", "VpcId: v, Ipv6CidrBlock: 'fd00::/64'", "Ipv6CidrBlock"),
        ("Route", "RouteTableId: r, TransitGatewayId: t", "TransitGatewayId"),
        ("NatGateway", "SecondaryAllocationIds: [x]", r"SecondaryAllocationIds/\*"),
        ("NetworkInterface", "SubnetId: s, Ipv6AddressCount: 1", "Ipv6AddressCount"),
        ("VPCGatewayAttachment", "VpcId: v, VpnGatewayId: g", "VpnGatewayId"),
        ("SecurityGroupIngress", "IpProtocol: tcp, SourcePrefixListId: p", "SourcePrefixListId"),
    ],
)
def test_what_is_not_honoured_is_refused_before_anything_is_made(
    story: Any, kind: str, properties: str, path: str
) -> None:
    with pytest.raises(Exception, match=f"Property {path} of AWS::EC2::{kind}.*this local cloud"):
        story.create(with_last(kind, properties))


def test_events_say_what_is_only_recorded_where_networks_cannot_be_made(
    story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story.world.engine.cloud, "no_networks", lambda: "no /dev/net/tun")
    body = with_last("SecurityGroupIngress", f"{PORT}, CidrIp: 0.0.0.0/0", ATTACHED + NAT)
    assert story.create(body) == "CREATE_COMPLETE"
    told = {line.split()[0]: line for line in story.news() if " CREATE_COMPLETE" in line}
    for name in ("Gateway", "Attachment", "Table", "Nat", "Acl", "Vpc", "Last"):
        assert "[Recorded, not simulated: networks cannot be made" in told[name], told[name]
    assert told["Subnet"] == "Subnet CREATE_COMPLETE"


@pytest.mark.parametrize("kind", ["SecurityGroupIngress", "SecurityGroupEgress"])
def test_a_rule_for_ipv6_says_that_it_is_only_recorded(story: Any, kind: str) -> None:
    assert story.create(with_last(kind, f"{PORT}, CidrIpv6: '::/0'")) == "CREATE_COMPLETE"
    (told,) = [line for line in story.news() if line.startswith("Last CREATE_COMPLETE")]
    assert "networks have no IPv6 here" in told


def test_a_group_that_changes_keeps_the_rules_that_are_resources_of_their_own(story: Any) -> None:
    body = with_last("SecurityGroupIngress", f"{PORT}, CidrIp: 0.0.0.0/0")
    assert story.create(body) == "CREATE_COMPLETE"
    rule = story.physical("Last")
    inline = "{VpcId: !Ref Vpc, GroupDescription: g, SecurityGroupIngress: [INLINE]}"
    one = "{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}"
    for rules, ports in ((one, {22, 80}), (one.replace("22", "23"), {23, 80}), ("", {80})):
        changed = body.replace(
            "{VpcId: !Ref Vpc, GroupDescription: g}", inline.replace("INLINE", rules)
        )
        assert story.update(changed) == "UPDATE_COMPLETE", story.news()
        group = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
        told = group["SecurityGroups"][0]["IpPermissions"]
        assert {each["FromPort"] for each in told} == ports
        assert story.physical("Last") == rule
        expect_as_asked(story)


def test_another_gateway_takes_the_place_of_the_one_attached(story: Any) -> None:
    body = BASE + ATTACHED + "  Spare: {Type: AWS::EC2::InternetGateway}\n"
    assert story.create(body) == "CREATE_COMPLETE"
    attachment = story.physical("Attachment")
    changed = body.replace("InternetGatewayId: !Ref Gateway", "InternetGatewayId: !Ref Spare")
    assert story.update(changed) == "UPDATE_COMPLETE", story.news()
    assert story.physical("Attachment") == attachment
    expect_as_asked(story)


def test_another_acl_takes_the_place_of_the_one_associated_and_the_way_back_restores_it(
    story: Any,
) -> None:
    ec2 = story.world.ec2

    def acl() -> str:
        filters = [{"Name": "association.subnet-id", "Values": [story.physical("Subnet")]}]
        (told,) = ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
        return str(told["NetworkAclId"])

    body = with_last("SubnetNetworkAclAssociation", "NetworkAclId: !Ref Acl, SubnetId: !Ref Subnet")
    assert story.create(body) == "CREATE_COMPLETE"
    assert acl() == story.physical("Acl")
    second = body.replace("NetworkAclId: !Ref Acl", "NetworkAclId: !Ref Second")
    assert story.update(second) == "UPDATE_COMPLETE", story.news()
    assert acl() == story.physical("Second")
    expect_as_asked(story)

    broken = (
        body
        + "  X:\n    Type: AWS::EC2::RouteTable\n    DependsOn: Last\n    Properties: {VpcId: v}\n"
    )
    assert story.update(broken) == "UPDATE_ROLLBACK_COMPLETE", story.news()
    assert acl() == story.physical("Second")
    expect_as_asked(story)

    assert story.update(BASE) == "UPDATE_COMPLETE", story.news()
    filters = [{"Name": "vpc-id", "Values": [story.physical("Vpc")]}]
    default = [
        each["NetworkAclId"]
        for each in ec2.describe_network_acls(Filters=filters)["NetworkAcls"]
        if each["IsDefault"]
    ]
    assert [acl()] == default


def test_private_names_of_an_endpoint_do_not_change(story: Any) -> None:
    endpoint = (
        "VpcId: !Ref Vpc, VpcEndpointType: Interface, SubnetIds: [!Ref Subnet], "
        "ServiceName: com.amazonaws.eu-west-1.ssm, PrivateDnsEnabled: NAMES"
    )
    body = with_last("VPCEndpoint", endpoint).replace(
        "{CidrBlock: 10.30.0.0/16}", "{CidrBlock: 10.30.0.0/16, EnableDnsHostnames: true}"
    )
    assert story.create(body.replace("NAMES", "false")) == "CREATE_COMPLETE", story.news()
    assert story.update(body.replace("NAMES", "true")) == "UPDATE_ROLLBACK_COMPLETE"
    assert any("Changing PrivateDnsEnabled" in line for line in story.news())
    expect_as_asked(story)


def test_ranges_are_kept_without_their_host_bits(story: Any) -> None:
    body = with_last(
        "Route",
        "RouteTableId: !Ref Table, DestinationCidrBlock: 192.168.1.1/24, NatGatewayId: !Ref Nat",
        NAT,
    )
    assert story.create(body) == "CREATE_COMPLETE", story.news()
    assert story.physical("Last") == f"{story.physical('Table')}|192.168.1.0/24"
    assert story.delete() == "DELETE_COMPLETE", story.news()


def table_of_subnet(story: Any) -> str:
    filters = [{"Name": "association.subnet-id", "Values": [story.physical("Subnet")]}]
    (table,) = story.world.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]
    return str(table["RouteTableId"])


def test_a_subnet_is_given_another_table_in_one_update(story: Any) -> None:
    assert story.create(BASE + ASSOCIATED) == "CREATE_COMPLETE"
    first = story.physical("Association")
    other = ASSOCIATED.replace("!Ref Table,", "!Ref Table2,")
    assert story.update(BASE + other) == "UPDATE_COMPLETE", story.news()
    assert table_of_subnet(story) == story.physical("Table2")
    assert story.physical("Association") != first
    failing = (
        "  Wrong: {Type: AWS::EC2::EIP, DependsOn: Association, "
        "Properties: {InstanceId: i-0123456789abcdef0}}\n"
    )
    assert story.update(BASE + ASSOCIATED + failing) == "UPDATE_ROLLBACK_COMPLETE", story.news()
    assert table_of_subnet(story) == story.physical("Table2")
    assert story.update(BASE + ASSOCIATED) == "UPDATE_COMPLETE", story.news()
    assert table_of_subnet(story) == story.physical("Table")
