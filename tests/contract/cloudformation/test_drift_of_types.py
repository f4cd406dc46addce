"""What somebody changed by hand is found, and nothing else: one case for each group of types.

Follows the CloudFormation user guide, "Detect unmanaged configuration changes to stacks and
resources with drift detection": a property's difference is of kind ADD, REMOVE or NOT_EQUAL.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.cloudformation.test_around_a_service import SETTINGS, people
from tests.contract.cloudformation.test_stores import STORES
from tests.contract.cloudformation.test_whole_vpc import VPC
from tests.contract.drift import detect, drifts

__all__ = ["people"]


def found(story: Any) -> dict[str, Any]:
    """By resource that differs: the paths of its differences, or that it is deleted."""
    detect(story)
    return {
        name: [each["PropertyPath"] for each in told["PropertyDifferences"]] or "deleted"
        for name, told in drifts(story, "MODIFIED", "DELETED").items()
    }


def test_in_a_network(story: Any) -> None:
    assert story.create(VPC) == "CREATE_COMPLETE", story.news()
    assert found(story) == {}
    assert len(drifts(story)) == len(story.world.engine.find(story.stack_id).resources)
    ec2, of = story.world.ec2, story.physical
    ec2.modify_vpc_attribute(VpcId=of("Vpc"), EnableDnsHostnames={"Value": False})
    ec2.create_tags(Resources=[of("Gateway")], Tags=[{"Key": "owner", "Value": "me"}])
    ec2.modify_subnet_attribute(SubnetId=of("PublicA"), MapPublicIpOnLaunch={"Value": False})
    ec2.delete_route(RouteTableId=of("PrivateTable"), DestinationCidrBlock="0.0.0.0/0")
    ec2.replace_network_acl_entry(
        NetworkAclId=of("Acl"), RuleNumber=100, Egress=False, Protocol="6", RuleAction="deny",
        CidrBlock="0.0.0.0/0", PortRange={"From": 443, "To": 443},
    )  # fmt: skip
    ec2.modify_vpc_endpoint(VpcEndpointId=of("Buckets"), RemoveRouteTableIds=[of("PublicTable")])
    differing = found(story)
    assert differing.pop("Buckets")[0].startswith("/RouteTableIds/")
    assert differing == {
        "Vpc": ["/EnableDnsHostnames"],
        "Gateway": ["/Tags/0/Value"],
        "PublicA": ["/MapPublicIpOnLaunch"],
        "PrivateRoute": "deleted",
        "AclWeb": ["/RuleAction", "/PortRange/To"],
    }


@pytest.mark.usefixtures("people")
def test_around_a_service(story: Any) -> None:
    assert story.create(SETTINGS) == "CREATE_COMPLETE", story.news()
    assert found(story) == {}
    of, client = story.physical, story.world.client
    client("kms").update_key_description(KeyId=of("Key"), Description="mine")
    client("logs").delete_retention_policy(logGroupName=of("Log"))
    client("sns").set_topic_attributes(
        TopicArn=of("Topic"), AttributeName="DisplayName", AttributeValue="Olds"
    )
    client("cloudwatch").delete_alarms(AlarmNames=[of("Slow")])
    client("iam").delete_user_policy(UserName="someone", PolicyName="talks")
    client("iam").detach_role_policy(RoleName=of("Role"), PolicyArn=of("Managed"))
    record = {
        "Name": "greeter.acme.example", "Type": "A", "TTL": 90,
        "ResourceRecords": [{"Value": "192.0.2.1"}],
    }  # fmt: skip
    client("route53").change_resource_record_sets(
        HostedZoneId=of("Zone"),
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )
    differing = found(story)
    assert sorted(differing.pop("Name")) == ["/ResourceRecords/1", "/TTL"]
    assert differing == {
        "Key": ["/Description"],
        "Log": ["/RetentionInDays"],
        "Topic": ["/DisplayName"],
        "Slow": "deleted",
        "Inline": ["/Users/0"],
        "Managed": ["/Roles/0"],
    }


def test_of_stores(story: Any) -> None:
    assert story.create(STORES.replace("NAME", story.name)) == "CREATE_COMPLETE", story.news()
    assert found(story) == {}
    client, of = story.world.client, story.physical
    client("ecr").put_image_tag_mutability(
        repositoryName=of("Images"), imageTagMutability="MUTABLE"
    )
    client("s3").delete_public_access_block(Bucket=of("Store"))
    assert found(story) == {
        "Images": ["/ImageTagMutability"],
        "Store": ["/PublicAccessBlockConfiguration"],
    }


CARDS = """
Parameters: {ImageId: {Type: String}}
Resources:
  Vpc: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 10.9.0.0/16}}
  Subnet: {Type: AWS::EC2::Subnet, Properties: {VpcId: !Ref Vpc, CidrBlock: 10.9.1.0/24}}
  Gateway: {Type: AWS::EC2::InternetGateway}
  Way:
    Type: AWS::EC2::VPCGatewayAttachment
    Properties: {VpcId: !Ref Vpc, InternetGatewayId: !Ref Gateway}
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: g, VpcId: !Ref Vpc}
  Card:
    Type: AWS::EC2::NetworkInterface
    Properties:
      SubnetId: !Ref Subnet
      Description: a card
      GroupSet: [!Ref Group]
      SourceDestCheck: true
      Tags: [{Key: team, Value: blue}]
  Address:
    Type: AWS::EC2::EIP
    DependsOn: Way
    Properties: {Domain: vpc, Tags: [{Key: team, Value: blue}]}
  Worn:
    Type: AWS::EC2::EIPAssociation
    Properties: {AllocationId: !GetAtt Address.AllocationId, NetworkInterfaceId: !Ref Card}
  Launch:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      VersionDescription: ours
      LaunchTemplateData: {ImageId: !Ref ImageId, InstanceType: t3.small}
      TagSpecifications: [{ResourceType: launch-template, Tags: [{Key: team, Value: blue}]}]
"""


def test_of_addresses_interfaces_and_launch_templates(story: Any) -> None:
    image = {"ParameterKey": "ImageId", "ParameterValue": story.world.images[0]}
    assert story.create(CARDS, Parameters=[image]) == "CREATE_COMPLETE", story.news()
    assert found(story) == {}
    ec2, of = story.world.ec2, story.physical
    card, template = of("Card"), of("Launch")
    described = ec2.describe_addresses(PublicIps=[of("Address")])["Addresses"][0]
    address, association = described["AllocationId"], described["AssociationId"]
    default = ec2.describe_security_groups(
        Filters=[
            {"Name": "vpc-id", "Values": [of("Vpc")]},
            {"Name": "group-name", "Values": ["default"]},
        ]
    )["SecurityGroups"][0]["GroupId"]

    def tag(resource: str, value: str) -> Any:
        return lambda: ec2.create_tags(Resources=[resource], Tags=[{"Key": "team", "Value": value}])

    def of_card(**given: Any) -> Any:
        return lambda: ec2.modify_network_interface_attribute(NetworkInterfaceId=card, **given)

    def version(**data: str) -> Any:
        return lambda: ec2.create_launch_template_version(
            LaunchTemplateId=template, VersionDescription="ours", LaunchTemplateData=data
        )

    ours = {"ImageId": story.world.images[0], "InstanceType": "t3.small"}
    for name, path, change, undo in (
        ("Address", "/Tags/0/Value", tag(address, "red"), tag(address, "blue")),
        ("Card", "/Tags/0/Value", tag(card, "red"), tag(card, "blue")),
        (
            "Card",
            "/Description",
            of_card(Description={"Value": "mine"}),
            of_card(Description={"Value": "a card"}),
        ),
        ("Card", "/GroupSet/0", of_card(Groups=[default]), of_card(Groups=[of("Group")])),
        (
            "Card",
            "/SourceDestCheck",
            of_card(SourceDestCheck={"Value": False}),
            of_card(SourceDestCheck={"Value": True}),
        ),
        (
            "Launch",
            "/LaunchTemplateData/InstanceType",
            version(**{**ours, "InstanceType": "t3.nano"}),
            version(**ours),
        ),
        (
            "Launch",
            "/TagSpecifications/0/Tags/0/Value",
            tag(template, "red"),
            tag(template, "blue"),
        ),
        (
            "Worn",
            "deleted",
            lambda: ec2.disassociate_address(AssociationId=association),
            None,
        ),
    ):
        change()
        assert found(story) == {name: path if path == "deleted" else [path]}
        if undo:
            undo()
            assert found(story) == {}, path
