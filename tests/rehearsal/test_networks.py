"""Two tiny machines in one VPC: they reach each other as groups, ACLs and routes allow."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.rehearsal.tiny import (
    Cloud,
    Instance,
    eventually,
    launching,
    open_cloud,
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with open_cloud(tmp_path_factory) as made:
        yield made


@dataclass
class Pair:
    """``near`` has a public address; ``far`` lies in a subnet without a way out."""

    cloud: Cloud
    vpc: str
    near: Instance
    far: Instance
    near_subnet: str
    far_subnet: str
    table: str

    @property
    def address(self) -> str:
        return str(self.far.described()["PrivateIpAddress"])

    def asks(self, url: str) -> str:
        """What `near` is told; empty where nothing answers."""
        return self.near.get(f"/cgi-bin/ask?{url}") or ""

    def far_asks(self, url: str) -> str:
        return self.asks(f"http://{self.address}:8080/cgi-bin/ask?{url}")

    def joined(self) -> bool:
        return self.asks(f"http://{self.address}:8080/health") == "ok\n"

    def rule(self, group: str) -> list[dict[str, Any]]:
        return [
            {"IpProtocol": "tcp", "FromPort": 8080, "ToPort": 8080,
             "UserIdGroupPairs": [{"GroupId": group}]}
        ]  # fmt: skip

    def api(self, subnet: str) -> str:
        block = self.cloud.ec2.describe_subnets(SubnetIds=[subnet])["Subnets"][0]["CidrBlock"]
        return f"http://{block.removesuffix('0/24')}2:{self.cloud.port}/"


@pytest.fixture(scope="module")
def pair(cloud: Cloud) -> Iterator[Pair]:
    if "namespace" not in cloud.status()["networks"]:
        pytest.skip(f"networks cannot be made here: {cloud.status()['networks']}")
    ec2 = cloud.ec2
    vpc = ec2.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    near, far = (
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.7.{number}.0/24")["Subnet"]["SubnetId"]
        for number in (1, 2)
    )
    ec2.modify_subnet_attribute(SubnetId=near, MapPublicIpOnLaunch={"Value": True})
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=near)
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    with launching(cloud, VpcId=vpc) as launch:
        made = Pair(
            cloud, vpc, launch(SubnetId=near), launch(ports=(), SubnetId=far), near, far, table
        )
        eventually(lambda: made.near.get("/health"), "it did not answer")
        eventually(lambda: "serving" in made.far.console(), "it did not boot")
        yield made


@pytest.fixture
def joined(pair: Pair) -> Iterator[Pair]:
    """What `near` asks of `far` is let in."""
    ec2, rule = pair.cloud.ec2, pair.rule(pair.near.group)
    ec2.authorize_security_group_ingress(GroupId=pair.far.group, IpPermissions=rule)
    assert eventually(pair.joined, "the group does not let its members in", 30)
    yield pair
    ec2.revoke_security_group_ingress(GroupId=pair.far.group, IpPermissions=rule)


def test_only_what_a_group_lets_in_comes_in(pair: Pair, joined: Pair) -> None:
    """VPC User Guide, "Security group rules": a rule may name a group."""
    ec2, rule = pair.cloud.ec2, pair.rule(pair.near.group)
    ec2.revoke_security_group_ingress(GroupId=pair.far.group, IpPermissions=rule)
    assert not pair.joined()
    ec2.authorize_security_group_ingress(GroupId=pair.far.group, IpPermissions=rule)
    assert pair.joined()


def test_only_what_a_group_lets_out_goes_out(joined: Pair) -> None:
    """VPC User Guide, "Security group rules": outbound rules."""
    ec2 = joined.cloud.ec2
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    ec2.revoke_security_group_egress(GroupId=joined.near.group, IpPermissions=everything)
    assert not joined.joined()
    rule = joined.rule(joined.far.group)
    ec2.authorize_security_group_egress(GroupId=joined.near.group, IpPermissions=rule)
    assert joined.joined()
    ec2.revoke_security_group_egress(GroupId=joined.near.group, IpPermissions=rule)
    ec2.authorize_security_group_egress(GroupId=joined.near.group, IpPermissions=everything)


def test_a_network_acl_is_asked_at_the_border_of_a_subnet(joined: Pair) -> None:
    """VPC User Guide, "Network ACL basics": stateless, the lowest number first."""
    ec2 = joined.cloud.ec2
    (acl,) = ec2.describe_network_acls(
        Filters=[{"Name": "association.subnet-id", "Values": [joined.far_subnet]}]
    )["NetworkAcls"]
    named = {"NetworkAclId": acl["NetworkAclId"], "RuleNumber": 50, "Egress": True}
    # The way back of a connection: ACLs have no memory of the way there.
    ec2.create_network_acl_entry(
        **named, Protocol="6", RuleAction="deny", CidrBlock="10.7.1.0/24",
        PortRange={"From": 1024, "To": 65535},
    )  # fmt: skip
    assert not joined.joined()
    ec2.delete_network_acl_entry(**named)
    assert joined.joined()


def test_a_public_address_needs_a_route_to_the_internet_gateway(pair: Pair) -> None:
    """VPC User Guide, "Enable internet access for a VPC using an internet gateway"."""
    ec2 = pair.cloud.ec2
    (route,) = (
        route
        for table in ec2.describe_route_tables(RouteTableIds=[pair.table])["RouteTables"]
        for route in table["Routes"]
        if route.get("GatewayId", "local") != "local"
    )
    assert pair.near.get("/health")
    named = {"RouteTableId": pair.table, "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.delete_route(**named)
    assert pair.near.get("/health") is None
    ec2.create_route(**named, GatewayId=route["GatewayId"])
    assert pair.near.get("/health")


def test_the_api_is_reached_by_a_way_out_only(joined: Pair) -> None:
    """VPC User Guide, "NAT gateways"; "Access an AWS service using an interface VPC endpoint"."""
    ec2 = joined.cloud.ec2
    answers = "ListAllMyBucketsResult"  # what the API says at its root
    assert answers in joined.asks(joined.api(joined.near_subnet))
    far_api = joined.api(joined.far_subnet)
    assert joined.far_asks(far_api) == ""
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=joined.near_subnet, AllocationId=address)["NatGateway"]
    (main,) = ec2.describe_route_tables(
        Filters=[{"Name": "vpc-id", "Values": [joined.vpc]},
                 {"Name": "association.main", "Values": ["true"]}]
    )["RouteTables"]  # fmt: skip
    named = {"RouteTableId": main["RouteTableId"], "DestinationCidrBlock": "0.0.0.0/0"}
    ec2.create_route(**named, NatGatewayId=nat["NatGatewayId"])
    eventually(lambda: answers in joined.far_asks(far_api), "the NAT gateway leads nowhere", 20)
    ec2.delete_route(**named)
    ec2.delete_nat_gateway(NatGatewayId=nat["NatGatewayId"])
    assert joined.far_asks(far_api) == ""
    endpoint = ec2.create_vpc_endpoint(
        VpcId=joined.vpc, ServiceName="com.amazonaws.eu-west-1.ssm", VpcEndpointType="Interface",
        SubnetIds=[joined.far_subnet], SecurityGroupIds=[joined.near.group],
        PrivateDnsEnabled=False,
    )["VpcEndpoint"]["VpcEndpointId"]  # fmt: skip
    eventually(lambda: answers in joined.far_asks(far_api), "the endpoint leads nowhere", 20)
    ec2.delete_vpc_endpoints(VpcEndpointIds=[endpoint])


def test_a_tunnel_leads_to_a_machine_that_opens_no_port(pair: Pair) -> None:
    url = f"{pair.cloud.url}/_localcloud/instances/{pair.far.identifier}/tunnels/8080"
    place = httpx.post(url, timeout=20).json()
    assert httpx.post(url, timeout=20).json() == place
    assert httpx.get(f"http://127.0.0.1:{place['port']}/health", timeout=20).text == "ok\n"


def test_names_of_machines_and_zones_are_answered(joined: Pair) -> None:
    """VPC User Guide, "DNS attributes for your VPC"; Route 53, private hosted zones."""
    private = joined.far.described()["PrivateDnsName"]
    assert private == f"ip-{joined.address.replace('.', '-')}.eu-west-1.compute.internal"
    assert joined.asks(f"http://{private}:8080/health") == "ok\n"
    zones = joined.cloud.client("route53")
    zone = zones.create_hosted_zone(
        Name="acme.internal", CallerReference="1",
        VPC={"VPCRegion": "eu-west-1", "VPCId": joined.vpc},
    )["HostedZone"]["Id"]  # fmt: skip
    record = {
        "Name": "far.acme.internal", "Type": "A", "TTL": 5,
        "ResourceRecords": [{"Value": joined.address}],
    }  # fmt: skip
    zones.change_resource_record_sets(
        HostedZoneId=zone,
        ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]},
    )
    assert joined.asks("http://far.acme.internal:8080/health") == "ok\n"
    assert "bad address" in joined.asks("http://nobody.acme.internal:8080/health")


def test_killed_the_cloud_leaves_no_network_and_makes_it_again(joined: Pair) -> None:
    cloud = joined.cloud
    eventually(lambda: cloud.status()["saved"], "the state was not saved", 20)
    keepers = _keepers(cloud)
    assert keepers
    assert cloud.process is not None
    cloud.process.kill()
    cloud.process.wait(10)
    eventually(lambda: not any(map(_lives, keepers)), "a namespace outlived it", 20)
    cloud.start()
    eventually(joined.joined, "the machines did not find each other again")


def test_killed_a_network_is_made_again_and_its_machines_recovered(joined: Pair) -> None:
    """EC2 User Guide, "Automatic instance recovery": the same id and addresses."""
    before = joined.address
    for keeper in _keepers(joined.cloud):
        os.kill(keeper, signal.SIGKILL)
    eventually(lambda: not joined.joined(), "they still found each other", 20)
    eventually(joined.joined, "the machines did not find each other again")
    assert joined.address == before


def _keepers(cloud: Cloud) -> list[int]:
    """What holds namespaces, and the way out of them."""
    assert cloud.process is not None
    below = Path(f"/proc/{cloud.process.pid}/task").glob("*/children")
    children = [int(pid) for task in below for pid in task.read_text().split()]
    names = ("networks.keeper", "slirp4netns")
    return [
        pid
        for pid in children
        if any(name in Path(f"/proc/{pid}/cmdline").read_text() for name in names)
    ]


def _lives(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").exists() and bool(Path(f"/proc/{pid}/cmdline").read_text())
