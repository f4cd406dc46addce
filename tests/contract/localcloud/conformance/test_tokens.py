"""A request that comes twice is done once, and a stack does one thing at a time."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import operation

GROUP = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: first}}
"""
MORE = GROUP.replace(
    "GroupDescription: first", "GroupDescription: first, Tags: [{Key: a, Value: b}]"
)
WAITING = """
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT5M}}
"""


def events(story: Any) -> int:
    return len(story.events())


def code(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**given)
    return str(caught.value.response["Error"]["Code"])


@operation("CloudFormation", "UpdateStack")
def test_an_update_is_done_once(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP, ClientRequestToken="t0")
    asked = {"StackName": story.name, "TemplateBody": MORE, "ClientRequestToken": "t1"}
    first = api.update_stack(**asked)
    assert api.update_stack(**asked)["StackId"] == first["StackId"]
    assert story.settle() == "UPDATE_COMPLETE"
    before = events(story)
    assert api.update_stack(**asked)["StackId"] == first["StackId"]
    assert events(story) == before
    other = {**asked, "TemplateBody": GROUP}
    assert code(api.update_stack, **other) == "TokenAlreadyExistsException"
    assert code(api.delete_stack, StackName=story.name, ClientRequestToken="t1") == (
        "TokenAlreadyExistsException"
    )


@operation("CloudFormation", "CreateStack")
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


@operation("CloudFormation", "CreateChangeSet")
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


@operation("CloudFormation", "Stack")
@operation("CloudFormation", "CancelUpdateStack")
def test_a_stack_does_one_thing_at_a_time(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP)
    second, third = story.change(GROUP + WAITING), story.change(MORE)
    api.execute_change_set(ChangeSetName=second["ChangeSetId"])
    assert story.begun("Wait")
    busy = "in UPDATE_IN_PROGRESS state"
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
        with pytest.raises(ClientError, match=busy):
            call(**name, **given)
    with pytest.raises(ClientError, match="cannot be deleted while in status UPDATE_IN_PROGRESS"):
        api.delete_stack(**name)
    api.cancel_update_stack(**name, ClientRequestToken="stop")
    api.cancel_update_stack(**name, ClientRequestToken="stop")
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"
    api.cancel_update_stack(**name, ClientRequestToken="stop")
    with pytest.raises(ClientError, match="cannot be called from current stack status"):
        api.cancel_update_stack(**name)
