"""A VPC of a started local cloud for balancers, and simple servers at addresses in it.

The servers stand at the addresses of a second balancer that has no listeners: addresses of the VPC
that are this computer's own there.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.contract.localcloud.balancers.conftest import eventually
from tests.contract.localcloud.conftest import LocalCloud
from tests.ports import free_port

TARGET_PORT = 8080
QUICK: dict[str, Any] = {
    "HealthCheckIntervalSeconds": 5,
    "HealthCheckTimeoutSeconds": 2,
    "HealthyThresholdCount": 2,
    "UnhealthyThresholdCount": 2,
}
SERVER = """
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""


@dataclass
class Server:
    """A web server inside the VPC that answers with its address."""

    address: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(10)


@dataclass
class Place:
    """Two subnets in two zones with a way to the internet, and a group that opens its ports."""

    cloud: LocalCloud
    port: int = field(default_factory=free_port)
    tls_port: int = field(default_factory=free_port)
    vpc: str = ""
    subnets: list[str] = field(default_factory=list)
    security_group: str = ""
    addresses: list[str] = field(default_factory=list)
    servers: list[Server] = field(default_factory=list)

    def __post_init__(self) -> None:
        ec2 = self.cloud.client("ec2")
        self.vpc = ec2.create_vpc(CidrBlock="10.60.0.0/16")["Vpc"]["VpcId"]
        gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        table = ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [self.vpc]}])
        ec2.create_route(
            RouteTableId=table["RouteTables"][0]["RouteTableId"],
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=gateway,
        )
        for number, zone in enumerate("ab"):
            made = ec2.create_subnet(
                VpcId=self.vpc,
                CidrBlock=f"10.60.{number}.0/24",
                AvailabilityZone=f"eu-west-1{zone}",
            )
            self.subnets.append(made["Subnet"]["SubnetId"])
        self.security_group = self.group_open(self.port, self.tls_port, TARGET_PORT)

    @property
    def elb(self) -> Any:
        return self.cloud.client("elbv2")

    def group_open(self, *ports: int) -> str:
        """A security group that lets everybody reach these ports."""
        ec2 = self.cloud.client("ec2")
        made = ec2.create_security_group(
            GroupName=f"open-{'-'.join(map(str, ports))}", Description="open", VpcId=self.vpc
        )
        for port in ports:
            ec2.authorize_security_group_ingress(
                GroupId=made["GroupId"], IpProtocol="tcp", FromPort=port, ToPort=port,
                CidrIp="0.0.0.0/0",
            )  # fmt: skip
        return str(made["GroupId"])

    def balancer(self, name: str = "front", **more: Any) -> Any:
        made = self.elb.create_load_balancer(
            Name=name, Subnets=self.subnets, SecurityGroups=[self.security_group], **more
        )
        return made["LoadBalancers"][0]

    def group(self, name: str = "group", **more: Any) -> str:
        made = self.elb.create_target_group(
            Name=name, Protocol="HTTP", Port=TARGET_PORT, VpcId=self.vpc, TargetType="ip",
            **{**QUICK, **more},
        )  # fmt: skip
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def listen(self, balancer: Any, group: str, **more: Any) -> str:
        made = self.elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            **{
                "Protocol": "HTTP",
                "Port": self.port,
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
                **more,
            },
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def described(self, balancer: Any) -> Any:
        arn = balancer["LoadBalancerArn"]
        return self.elb.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]

    def active(self, balancer: Any) -> Any:
        return eventually(
            lambda: (b := self.described(balancer))["State"]["Code"] == "active" and b
        )

    def health(self, group: str) -> dict[str, Any]:
        told = self.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
        return {each["Target"]["Id"]: each["TargetHealth"] for each in told}

    def states(self, group: str) -> dict[str, str]:
        return {name: each["State"] for name, each in self.health(group).items()}

    def server(self) -> Server:
        """A server at an address of its own; there are two."""
        if not self.addresses:
            held = self.active(self.balancer("held", Scheme="internal"))
            self.addresses = [
                zone["LoadBalancerAddresses"][0]["PrivateIPv4Address"]
                for zone in held["AvailabilityZones"]
            ]
        address = self.addresses[len(self.servers)]
        self.servers.append(self.start(address))
        return self.servers[-1]

    def start(self, address: str) -> Server:
        program = (sys.executable, "-c", SERVER, address, str(TARGET_PORT))
        inside = ("nsenter", f"--target={self.keeper()}", "--net", "--")
        return Server(address, subprocess.Popen((*inside, *program)))

    def keeper(self) -> int:
        """The process that holds the VPC's network."""
        for pid in self.cloud.children():
            told = Path(f"/proc/{pid}/cmdline")
            if b"networks.keeper" in told.read_bytes():
                return pid
        raise AssertionError("no network is there")

    def close(self) -> None:
        for each in self.servers:
            each.stop()
