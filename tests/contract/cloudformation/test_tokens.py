"""Ways back and deletions that are asked for again with their tokens, when calls fail."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: first}}
"""
RULES = GROUP.replace(
    "GroupDescription: first",
    "GroupDescription: first, SecurityGroupIngress: "
    "[{IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 0.0.0.0/0}]",
)
DATA = '  Data: {Type: "AWS::EC2::Volume", DependsOn: First, Properties: {Size: 1}}\n'


def events(story: Any) -> int:
    return len(story.events())


def code(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


def test_ways_back_are_gone_once(story: Any) -> None:
    api, faults = story.world.cloudformation, story.world.faults
    story.create(GROUP)
    assert story.update(RULES + DATA, DisableRollback=True) == "UPDATE_FAILED"
    faults.errors["ec2.RevokeSecurityGroupIngress"] = ("Nope", "not now")
    back = {"StackName": story.name, "ClientRequestToken": "back"}
    assert api.rollback_stack(**back)["StackId"] == story.stack_id
    assert story.settle() == "UPDATE_ROLLBACK_FAILED"
    before = events(story)
    assert api.rollback_stack(**back)["StackId"] == story.stack_id
    assert events(story) == before
    faults.errors.clear()
    on = {"StackName": story.name, "ClientRequestToken": "on"}
    api.continue_update_rollback(**on)
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"
    before = events(story)
    api.continue_update_rollback(**on)
    assert events(story) == before
    assert code(api.rollback_stack, **on) == "TokenAlreadyExistsException"


def test_a_deletion_that_failed_is_asked_for_again(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP)
    story.world.faults.errors["ec2.DeleteSecurityGroup"] = ("DependencyViolation", "in use")
    asked = {"StackName": story.stack_id, "ClientRequestToken": "away"}
    api.delete_stack(**asked)
    assert story.settle() == "DELETE_FAILED"
    story.world.faults.clear()
    api.delete_stack(**asked)
    assert story.settle() == "DELETE_COMPLETE"
    api.delete_stack(**asked)
