"""What fails goes back and says why; what is deleted leaves what it was told to leave."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import follows, operation

DELETION = follows(
    "CloudFormation template reference, DeletionPolicy attribute",
    "AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html",
)
REPLACED = follows(
    "CloudFormation template reference, UpdateReplacePolicy attribute",
    "AWSCloudFormation/latest/TemplateReference/aws-attribute-updatereplacepolicy.html",
)
VOLUME = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: FIRST}}
  Data:
    Type: AWS::EC2::Volume
    DependsOn: First
    DeletionPolicy: POLICY
    Properties: {AvailabilityZone: !Select [0, !GetAZs ""], Size: SIZE, VolumeType: gp3, Tags: TAGS}
"""


def volume(size: int = 1, policy: str = "Delete", first: str = "first", tags: str = "[]") -> str:
    return (
        VOLUME.replace("SIZE", str(size))
        .replace("POLICY", policy)
        .replace("FIRST", first)
        .replace("TAGS", tags)
    )


@DELETION
@pytest.mark.parametrize(
    ("policy", "left", "event"),
    [
        ("Retain", True, "Data DELETE_SKIPPED"),
        ("RetainExceptOnCreate", True, "Data DELETE_SKIPPED"),
        ("Delete", False, "Data DELETE_COMPLETE"),
    ],
)
def test_deletion_policy_decides_what_is_left(
    story: Any, policy: str, left: bool, event: str
) -> None:
    story.create(volume(policy=policy))
    data = story.physical("Data")
    story.news()
    assert story.delete() == "DELETE_COMPLETE"
    assert event in story.news()
    volumes = story.world.ec2.describe_volumes()["Volumes"]
    assert any(v["VolumeId"] == data for v in volumes) is left
    if left:
        story.world.ec2.delete_volume(VolumeId=data)


@operation("CloudFormation", "CreateStack")
@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        (
            "{Type: AWS::EC2::Instance, Properties: {InstanceType: t3.small}}",
            "The request must contain the parameter imageId (Operation: RunInstances",
        ),
        (
            "{Type: AWS::EC2::Volume, Properties: {AvailabilityZone: !Select [0, !GetAZs '']}}",
            "The request must contain the parameter size or snapshotId (Operation: CreateVolume",
        ),
        (
            "{Type: AWS::EC2::Volume, Properties: {Size: 1}}",
            "The request must contain the parameter availabilityZone (Operation: CreateVolume",
        ),
        (
            "{Type: AWS::EC2::SecurityGroup}",
            "resource A with message: #: required key [GroupDescription] not found",
        ),
        (
            "{Type: AWS::EC2::Instance, Properties: {ImageId: ami-00000000000000000}}",
            "The image id '[ami-00000000000000000]' does not exist (Operation: RunInstances",
        ),
        (
            "{Type: AWS::EC2::SecurityGroup, Properties: {GroupDescription: x, VpcId: vpc-1}}",
            "Error Code: InvalidVpcID.NotFound",
        ),
        (
            "{Type: AWS::EC2::VolumeAttachment, Properties: {VolumeId: vol-1, InstanceId: i-1}}",
            "The request must contain the parameter device (Operation: AttachVolume",
        ),
    ],
)
def test_what_the_services_refuse_is_the_reason(story: Any, resource: str, reason: str) -> None:
    assert story.create(f"Resources: {{A: {resource}}}") == "ROLLBACK_COMPLETE"
    (failure,) = [line for line in story.news() if line.startswith("A CREATE_FAILED")]
    assert reason in failure


REPLACED_GROUP = """
Resources:
  First:
    Type: AWS::EC2::SecurityGroup
    UpdateReplacePolicy: POLICY
    Properties: {GroupDescription: WORDS}
"""


@REPLACED
@pytest.mark.parametrize(("policy", "left"), [("Retain", True), ("Delete", False)])
def test_what_is_replaced_is_kept_or_not(story: Any, policy: str, left: bool) -> None:
    body, ec2 = REPLACED_GROUP.replace("POLICY", policy), story.world.ec2
    story.create(body.replace("WORDS", "one"))
    old = story.physical("First")
    if left:
        story.world.kept(ec2.delete_security_group, GroupId=old)
    story.news()
    assert story.update(body.replace("WORDS", "two")) == "UPDATE_COMPLETE"
    assert story.physical("First") != old
    end = (
        ["First DELETE_SKIPPED"] if left else ["First DELETE_IN_PROGRESS", "First DELETE_COMPLETE"]
    )
    assert story.news() == [
        "STACK UPDATE_IN_PROGRESS [User Initiated]",
        (
            "First UPDATE_IN_PROGRESS [Requested update requires the creation of a new physical "
            "resource; hence creating one.]"
        ),
        "First UPDATE_IN_PROGRESS [Resource creation Initiated]",
        "First UPDATE_COMPLETE",
        "STACK UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        *end,
        "STACK UPDATE_COMPLETE",
    ]
    found = ec2.describe_security_groups(Filters=[{"Name": "group-id", "Values": [old]}])
    assert bool(found["SecurityGroups"]) is left


NO_ROOM = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: first}}
  Data:
    Type: AWS::EC2::Volume
    DependsOn: First
    Properties: {AvailabilityZone: nowhere-1a, Size: 1}
"""


@operation("CloudFormation", "DescribeStackEvents")
@follows(
    "CloudFormation user guide, Stack failure options",
    "AWSCloudFormation/latest/UserGuide/stack-failure-options.html",
)
def test_a_failed_create_goes_back_in_this_order_and_can_only_be_deleted(story: Any) -> None:
    assert story.create(NO_ROOM) == "ROLLBACK_COMPLETE"
    told = story.news()
    (failed,) = [line for line in told if line.startswith("Data CREATE_FAILED")]
    assert "The zone 'nowhere-1a' does not exist" in failed
    assert "Error Code: InvalidZone.NotFound" in failed
    assert told == [
        "STACK CREATE_IN_PROGRESS [User Initiated]",
        "First CREATE_IN_PROGRESS",
        "First CREATE_IN_PROGRESS [Resource creation Initiated]",
        "First CREATE_COMPLETE",
        "Data CREATE_IN_PROGRESS",
        failed,
        (
            "STACK ROLLBACK_IN_PROGRESS [The following resource(s) failed to create: [Data]. "
            "Rollback requested by user.]"
        ),
        "Data DELETE_COMPLETE",
        "First DELETE_IN_PROGRESS",
        "First DELETE_COMPLETE",
        "STACK ROLLBACK_COMPLETE",
    ]
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        story.update(NO_ROOM)
    with pytest.raises(ClientError, match="already exists"):
        story.create(NO_ROOM)
    assert story.delete() == "DELETE_COMPLETE"


@operation("CloudFormation", "DeleteStack")
def test_what_would_not_be_deleted_can_be_retained(story: Any) -> None:
    ec2, world = story.world.ec2, story.world
    story.create(REPLACED_GROUP.replace("POLICY", "Delete").replace("WORDS", "held"))
    group = story.physical("First")
    world.kept(ec2.delete_security_group, GroupId=group)
    card = ec2.create_network_interface(
        SubnetId=world.network["SubnetId"], Groups=[group],
        TagSpecifications=world.tags("network-interface"),
    )["NetworkInterface"]["NetworkInterfaceId"]  # fmt: skip
    world.kept(ec2.delete_network_interface, NetworkInterfaceId=card)
    with pytest.raises(ClientError, match="only when the stack is in the DELETE_FAILED state"):
        story.delete(RetainResources=["First"])
    assert story.delete() == "DELETE_FAILED", story.news()
    assert any("DependencyViolation" in line for line in story.news())
    assert story.delete(RetainResources=["First"]) == "DELETE_COMPLETE"
    assert ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
