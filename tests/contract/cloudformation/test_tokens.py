"""A request that comes twice is done once, and a stack does one thing at a time.

Follows the API reference: ClientRequestToken of CreateStack, UpdateStack, DeleteStack,
CancelUpdateStack, ContinueUpdateRollback, RollbackStack and ExecuteChangeSet, ClientToken of
CreateChangeSet, TokenAlreadyExistsException; the user guide, "Stack status codes".
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: first}}
"""
MORE = GROUP.replace(
    "GroupDescription: first", "GroupDescription: first, Tags: [{Key: a, Value: b}]"
)
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


def test_an_update_is_done_once(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP, ClientRequestToken="t0")
    asked = {"StackName": story.name, "TemplateBody": MORE, "ClientRequestToken": "t1"}
    first = api.update_stack(**asked)
    assert api.update_stack(**asked)["StackId"] == first["StackId"]
    assert story.settle() == "UPDATE_COMPLETE"
    story.world.restart()
    before = events(story)
    assert api.update_stack(**asked)["StackId"] == first["StackId"]
    assert events(story) == before
    other = {**asked, "TemplateBody": GROUP}
    assert code(api.update_stack, **other) == "TokenAlreadyExistsException"
    assert code(api.delete_stack, StackName=story.name, ClientRequestToken="t1") == (
        "TokenAlreadyExistsException"
    )


def test_a_create_is_done_once(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP, ClientRequestToken="t")
    asked = {"StackName": story.name, "ClientRequestToken": "t"}
    capabilities = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    again = api.create_stack(TemplateBody=GROUP, **capabilities, **asked)
    assert again["StackId"] == story.stack_id
    assert code(api.create_stack, TemplateBody=MORE, **asked) == "TokenAlreadyExistsException"
    assert code(api.create_stack, StackName=story.name, TemplateBody=GROUP) == (
        "AlreadyExistsException"
    )


def test_a_change_set_is_made_and_executed_once(story: Any) -> None:
    api = story.world.cloudformation
    asked = {
        "StackName": story.name,
        "ChangeSetName": "c",
        "ChangeSetType": "CREATE",
        "TemplateBody": GROUP,
    }
    made = api.create_change_set(**asked, ClientToken="t1")
    story.stack_id = made["StackId"]
    assert api.create_change_set(**asked, ClientToken="t1")["Id"] == made["Id"]
    assert code(api.create_change_set, **asked) == "AlreadyExistsException"
    api.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    execution = {"ChangeSetName": made["Id"], "ClientRequestToken": "t2"}
    api.execute_change_set(**execution)
    api.execute_change_set(**execution)
    assert story.settle() == "CREATE_COMPLETE"
    before = events(story)
    api.execute_change_set(**execution)
    assert events(story) == before
    assert code(api.execute_change_set, ChangeSetName=made["Id"]) == "InvalidChangeSetStatus"


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


def test_a_stack_does_one_thing_at_a_time(story: Any, service: str) -> None:
    api, world = story.world.cloudformation, story.world
    story.apply(service, "CREATE")
    second = story.change(service, ImageId=world.images[1])
    third = story.change(service.replace("Size: 1", "Size: 2"))
    old = story.physical("Instance")
    world.faults.pending.set()
    api.execute_change_set(ChangeSetName=second["ChangeSetId"])
    story.begun("Instance", other_than=old)
    busy = "is in UPDATE_IN_PROGRESS state"
    name = {"StackName": story.name}
    # The stack's other change sets are void as soon as one is executed.
    assert code(api.execute_change_set, ChangeSetName=third["ChangeSetId"]) == "ChangeSetNotFound"
    for call, given in (
        (api.update_stack, {"TemplateBody": GROUP}),
        (api.create_change_set, {"ChangeSetName": "c", "TemplateBody": GROUP}),
        (api.rollback_stack, {}),
        (api.continue_update_rollback, {}),
        (api.detect_stack_drift, {}),
    ):
        with pytest.raises(ClientError) as caught:
            call(**name, **given)
        message = caught.value.response["Error"]["Message"]
        assert busy in message or "in UPDATE_IN_PROGRESS state" in message
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        api.delete_stack(**name)
    api.cancel_update_stack(**name, ClientRequestToken="stop")
    api.cancel_update_stack(**name, ClientRequestToken="stop")
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"
    api.cancel_update_stack(**name, ClientRequestToken="stop")
    with pytest.raises(ClientError, match="cannot be called from current stack status"):
        api.cancel_update_stack(**name)
