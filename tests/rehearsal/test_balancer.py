"""A stack of two tiny machines behind a load balancer: one dies or hangs, traffic goes on.

Documentation followed: Elastic Load Balancing user guide, "Health checks for Application Load
Balancer target groups", "Register targets by security group"; Route 53 Developer Guide, "Routing
traffic to an ELB load balancer".
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.ports import free_port
from tests.rehearsal.tiny import Cloud, eventually, open_cloud

STACK = """
Parameters:
  Image: {Type: String}
  Port: {Type: Number}
Resources:
  Vpc:
    Type: AWS::EC2::VPC
    Properties: {CidrBlock: 10.44.0.0/16, EnableDnsHostnames: true}
  Gateway: {Type: AWS::EC2::InternetGateway}
  Attachment:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}
  Table: {Type: AWS::EC2::RouteTable, Properties: {VpcId: !Ref Vpc}}
  Out:
    Type: AWS::EC2::Route
    DependsOn: Attachment
    Properties:
      RouteTableId: !Ref Table
      DestinationCidrBlock: 0.0.0.0/0
      GatewayId: !Ref Gateway
  A:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.44.0.0/24, AvailabilityZone: eu-west-1a}
  B:
    Type: AWS::EC2::Subnet
    Properties: {VpcId: !Ref Vpc, CidrBlock: 10.44.1.0/24, AvailabilityZone: eu-west-1b}
  TableA:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {SubnetId: !Ref A, RouteTableId: !Ref Table}
  TableB:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {SubnetId: !Ref B, RouteTableId: !Ref Table}
  Front:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: of the balancer
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 0.0.0.0/0}
  Back:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: of its targets
      VpcId: !Ref Vpc
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: 8080, ToPort: 8080, SourceSecurityGroupId: !Ref Front}
  One:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.nano
      SubnetId: !Ref A
      SecurityGroupIds: [!Ref Back]
  Two:
    Type: AWS::EC2::Instance
    Properties:
      ImageId: !Ref Image
      InstanceType: t2.nano
      SubnetId: !Ref B
      SecurityGroupIds: [!Ref Back]
  Group:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties:
      VpcId: !Ref Vpc
      Protocol: HTTP
      Port: 8080
      HealthCheckPath: /health
      HealthCheckIntervalSeconds: 5
      HealthCheckTimeoutSeconds: 4
      HealthyThresholdCount: 2
      Targets: [{Id: !Ref One}, {Id: !Ref Two}]
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    DependsOn: Out
    Properties: {Subnets: [!Ref A, !Ref B], SecurityGroups: [!Ref Front]}
  Listener:
    Type: AWS::ElasticLoadBalancingV2::Listener
    Properties:
      LoadBalancerArn: !Ref Balancer
      Protocol: HTTP
      Port: !Ref Port
      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]
  Zone: {Type: AWS::Route53::HostedZone, Properties: {Name: acme.test}}
  Name:
    Type: AWS::Route53::RecordSet
    Properties:
      HostedZoneId: !Ref Zone
      Name: www.acme.test
      Type: A
      AliasTarget:
        DNSName: !GetAtt Balancer.DNSName
        HostedZoneId: !GetAtt Balancer.CanonicalHostedZoneID
Outputs:
  Address: {Value: !GetAtt Balancer.DNSName}
  Group: {Value: !Ref Group}
  One: {Value: !Ref One}
  Two: {Value: !Ref Two}
"""
WHO = "/cgi-bin/ask?/latest/meta-data/instance-id"


@pytest.fixture
def cloud(tmp_path_factory: pytest.TempPathFactory, long: bool) -> Iterator[Cloud]:
    if not long:
        pytest.skip("asked for with --all")
    with open_cloud(tmp_path_factory) as made:
        yield made


def test_one_of_two_machines_dies_and_traffic_goes_on(cloud: Cloud) -> None:
    cloudformation, elb, port = cloud.client("cloudformation"), cloud.client("elbv2"), free_port()
    values = {"Image": cloud.image, "Port": str(port)}
    cloudformation.create_stack(
        StackName="front",
        TemplateBody=STACK,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
    )
    outputs = settled(cloudformation, "CREATE_COMPLETE")
    one, two = outputs["One"], outputs["Two"]
    url = f"http://{outputs['Address']}:{port}"

    def health() -> dict[str, Any]:
        told = elb.describe_target_health(TargetGroupArn=outputs["Group"])
        return {
            each["Target"]["Id"]: each["TargetHealth"] for each in told["TargetHealthDescriptions"]
        }

    def states() -> dict[str, str]:
        return {name: each["State"] for name, each in health().items()}

    def answering(times: int = 6) -> set[str]:
        return {httpx.get(f"{url}{WHO}", timeout=30).text.strip() for _ in range(times)}

    eventually(lambda: states() == {one: "healthy", two: "healthy"}, "they are not healthy")
    assert answering() == {one, two}
    # A machine asks for the balancer by its name, in the group that the balancer lets in.
    asked = httpx.get(f"{url}/cgi-bin/ask?http://www.acme.test:{port}/health", timeout=30)
    assert asked.text == "ok\n"

    killed = httpx.post(f"{cloud.url}/_localcloud/instances/{one}/kill", timeout=30)
    assert killed.status_code == 200
    assert answering() <= {one, two}
    eventually(lambda: answering() == {one, two}, "the killed machine does not come back")

    (machine,) = (each["pid"] for each in cloud.status()["instances"] if each["id"] == one)
    os.kill(machine, signal.SIGSTOP)  # as one that hangs
    told = eventually(lambda: states()[one] == "unhealthy" and health()[one], "it is not told")
    assert told["Reason"] == "Target.Timeout"
    assert answering() == {two}
    os.kill(machine, signal.SIGCONT)
    eventually(lambda: states()[one] == "healthy", "the machine does not come back")
    assert answering() == {one, two}

    cloud.ec2.stop_instances(InstanceIds=[two])
    eventually(lambda: states()[two] == "unused", "the stopped machine is not told")
    assert answering() == {one}

    cloudformation.delete_stack(StackName="front")
    eventually(lambda: gone(cloudformation), "the stack stays")
    assert not elb.describe_load_balancers()["LoadBalancers"]
    assert cloud.status()["balancers"] == []


def settled(api: Any, wanted: str) -> dict[str, str]:
    def told() -> Any:
        stack = api.describe_stacks(StackName="front")["Stacks"][0]
        return None if stack["StackStatus"].endswith("_IN_PROGRESS") else stack

    stack = eventually(told, "the stack does not settle")
    assert stack["StackStatus"] == wanted, [
        each.get("ResourceStatusReason")
        for each in api.describe_stack_events(StackName="front")["StackEvents"]
    ]
    return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}


def gone(api: Any) -> bool:
    live = [s for s in api.list_stacks()["StackSummaries"] if s["StackStatus"] != "DELETE_COMPLETE"]
    assert not any(each["StackStatus"] == "DELETE_FAILED" for each in live)
    return not live
