"""Failed operations that stay as they are, and the ways out.

Follows the API reference of RollbackStack, CreateStack (OnFailure, DisableRollback,
RetainExceptOnCreate), UpdateStack, CreateChangeSet (OnStackFailure) and ExecuteChangeSet, and the
CloudFormation user guide, "Stack failure options" and "DeletionPolicy attribute".
"""

from __future__ import annotations

from typing import Any

import pytest

TEMPLATE = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: FIRST}}
"""
KEPT = """
  Kept:
    Type: AWS::EC2::SecurityGroup
    DeletionPolicy: POLICY
    Properties: {GroupDescription: kept}
"""
DATA = """
  Data:
    Type: AWS::EC2::Volume
    DependsOn: [AFTER]
    Properties: {AvailabilityZone: eu-west-1a, Size: 1}
"""
NO_ROOM = ("InsufficientVolumeCapacity", "There is not enough capacity")


def template(*more: str, first: str = "first", policy: str = "Retain") -> str:
    after = "Kept" if KEPT in more else "First"
    text = TEMPLATE.replace("FIRST", first) + "".join(more)
    return text.replace("POLICY", policy).replace("AFTER", after)


@pytest.fixture
def full(story: Any) -> Any:
    """A stack whose volumes cannot be made."""
    story.world.faults.errors["ec2.CreateVolume"] = NO_ROOM
    return story


def roll_back(story: Any, **given: Any) -> str:
    answer = story.world.cloudformation.rollback_stack(StackName=story.name, **given)
    assert answer["StackId"] == story.stack_id
    return str(story.settle())


def groups(story: Any) -> list[str]:
    found = story.world.ec2.describe_security_groups(
        Filters=[{"Name": "tag:aws:cloudformation:stack-id", "Values": [story.stack_id]}]
    )["SecurityGroups"]
    return sorted(each["Description"] for each in found)


def drop_groups(story: Any) -> None:
    found = story.world.ec2.describe_security_groups(
        Filters=[{"Name": "tag:aws:cloudformation:stack-id", "Values": [story.stack_id]}]
    )["SecurityGroups"]
    for each in found:
        story.world.ec2.delete_security_group(GroupId=each["GroupId"])


def test_a_rollback_that_fails_is_left_by_skipping(full: Any) -> None:
    full.create(template())
    rules = (
        "first, SecurityGroupIngress: "
        "[{IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 0.0.0.0/0}]"
    )
    assert full.update(template(DATA, first=rules), DisableRollback=True) == "UPDATE_FAILED"
    full.world.faults.errors["ec2.RevokeSecurityGroupIngress"] = ("Nope", "not now")
    assert roll_back(full) == "UPDATE_ROLLBACK_FAILED"
    full.world.cloudformation.continue_update_rollback(
        StackName=full.name, ResourcesToSkip=["First"]
    )
    assert full.settle() == "UPDATE_ROLLBACK_COMPLETE"
