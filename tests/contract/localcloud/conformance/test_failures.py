"""What fails goes back and says why; what is deleted leaves what it was told to leave."""

from __future__ import annotations

from typing import Any

import pytest
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
