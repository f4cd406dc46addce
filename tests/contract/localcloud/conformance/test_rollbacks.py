"""Failed operations that stay as they are, and the ways out."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import operation

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
    Properties: {AvailabilityZone: nowhere-1a, Size: 1}
"""


def template(*more: str, first: str = "first", policy: str = "Retain") -> str:
    after = "Kept" if KEPT in more else "First"
    text = TEMPLATE.replace("FIRST", first) + "".join(more)
    return text.replace("POLICY", policy).replace("AFTER", after)


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


@operation("CloudFormation", "RollbackStack")
def test_a_failed_update_is_rolled_back_on_request(story: Any) -> None:
    story.create(template())
    first = story.physical("First")
    broken = template(DATA, first="other")
    assert story.update(broken, DisableRollback=True) == "UPDATE_FAILED"
    assert story.physical("First") != first
    story.news()
    assert roll_back(story, ClientRequestToken="back") == "UPDATE_ROLLBACK_COMPLETE"
    assert story.news()[0] == "STACK UPDATE_ROLLBACK_IN_PROGRESS [User Initiated]"
    assert story.physical("First") == first
    assert groups(story) == ["first"]
    events = story.world.cloudformation.describe_stack_events(StackName=story.name)["StackEvents"]
    assert events[0]["ClientRequestToken"] == "back"
    told = story.world.cloudformation.get_template(StackName=story.name)
    assert told["TemplateBody"] == template()


@operation("CloudFormation", "RollbackStack")
def test_several_failed_updates_are_rolled_back_at_once(story: Any) -> None:
    story.create(template())
    first = story.physical("First")
    for number in ("2", "3"):
        assert story.update(template(DATA, first=number), DisableRollback=True) == "UPDATE_FAILED"
    assert roll_back(story) == "UPDATE_ROLLBACK_COMPLETE"
    assert story.physical("First") == first
    assert groups(story) == ["first"]


@operation("CloudFormation", "RollbackStack")
def test_a_failed_create_has_no_state_to_go_back_to(story: Any) -> None:
    assert story.create(template(DATA), OnFailure="DO_NOTHING") == "CREATE_FAILED"
    story.news()
    assert roll_back(story) == "DELETE_COMPLETE"
    assert story.news() == [
        "STACK DELETE_IN_PROGRESS [User Initiated]",
        "Data DELETE_COMPLETE",
        "First DELETE_IN_PROGRESS",
        "First DELETE_COMPLETE",
        "STACK DELETE_COMPLETE",
    ]


@operation("CloudFormation", "RollbackStack")
def test_nor_has_an_update_of_one(story: Any) -> None:
    story.create(template(DATA), OnFailure="DO_NOTHING")
    assert story.update(template(DATA, first="2"), DisableRollback=True) == "UPDATE_FAILED"
    story.world.cloudformation.update_termination_protection(
        StackName=story.name, EnableTerminationProtection=True
    )
    with pytest.raises(ClientError, match="while TerminationProtection is enabled"):
        roll_back(story)
    story.world.cloudformation.update_termination_protection(
        StackName=story.name, EnableTerminationProtection=False
    )
    assert roll_back(story) == "DELETE_COMPLETE"
    assert groups(story) == []


@operation("CloudFormation", "UpdateStack")
def test_from_a_failed_state_an_update_goes_only_forward(story: Any) -> None:
    story.create(template(DATA), OnFailure="DO_NOTHING")
    refusal = r"This stack is currently in a non-terminal \[CREATE_FAILED\] state"
    with pytest.raises(ClientError, match=refusal):
        story.update(template(DATA))
    with pytest.raises(ClientError, match=refusal):
        story.apply(template())
    change = story.change(template())
    story.world.cloudformation.execute_change_set(
        ChangeSetName=change["ChangeSetId"], DisableRollback=True
    )
    assert story.settle() == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match=r"is in UPDATE_COMPLETE state and can not be rolled"):
        roll_back(story)


@operation("CloudFormation", "CreateStack")
@pytest.mark.parametrize(
    ("policy", "flag", "left"),
    [
        ("Retain", False, ["kept"]),
        ("Retain", True, []),
        ("RetainExceptOnCreate", False, []),
        ("Delete", False, []),
    ],
)
def test_what_a_failed_create_leaves(story: Any, policy: str, flag: bool, left: list[str]) -> None:
    text = template(KEPT, DATA, policy=policy)
    assert story.create(text, RetainExceptOnCreate=flag) == "ROLLBACK_COMPLETE"
    assert groups(story) == left
    drop_groups(story)


@operation("CloudFormation", "UpdateStack")
@pytest.mark.parametrize(
    ("policy", "flag", "left"),
    [
        ("Retain", False, ["first", "kept"]),
        ("Retain", True, ["first"]),
        ("RetainExceptOnCreate", False, ["first"]),
    ],
)
def test_what_a_failed_update_leaves(story: Any, policy: str, flag: bool, left: list[str]) -> None:
    story.create(template())
    text = template(KEPT, DATA, policy=policy)
    assert story.update(text, RetainExceptOnCreate=flag) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(story) == left
    story.delete()
    drop_groups(story)


@operation("CloudFormation", "RollbackStack")
def test_what_a_requested_rollback_leaves(story: Any) -> None:
    story.create(template())
    text = template(KEPT, DATA)
    assert story.update(text, DisableRollback=True) == "UPDATE_FAILED"
    assert roll_back(story, RetainExceptOnCreate=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(story) == ["first"]


@operation("CloudFormation", "UpdateStack")
def test_rollback_may_be_asked_for_by_name(story: Any) -> None:
    story.create(template())
    assert story.update(template(DATA), DisableRollback=False) == "UPDATE_ROLLBACK_COMPLETE"


@operation("CloudFormation", "CreateChangeSet")
@pytest.mark.parametrize(
    ("choice", "end"),
    [
        ("ROLLBACK", "ROLLBACK_COMPLETE"),
        ("DO_NOTHING", "CREATE_FAILED"),
        ("DELETE", "DELETE_COMPLETE"),
    ],
)
def test_a_change_set_says_what_follows_a_failure(story: Any, choice: str, end: str) -> None:
    api = story.world.cloudformation
    made = api.create_change_set(
        StackName=story.name,
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template(DATA),
        OnStackFailure=choice,
    )
    story.stack_id = made["StackId"]
    api.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )
    with pytest.raises(ClientError, match="the change set has an OnStackFailure"):
        api.execute_change_set(ChangeSetName=made["Id"], DisableRollback=True)
    api.execute_change_set(ChangeSetName=made["Id"])
    assert story.settle() == end


@operation("CloudFormation", "CreateStack")
@pytest.mark.parametrize(
    ("call", "given", "complaint"),
    [
        ("create_stack", {"OnFailure": "PANIC"}, "Value 'PANIC' at 'onFailure'"),
        (
            "create_stack",
            {"OnFailure": "DELETE", "DisableRollback": True},
            "You cannot specify both DisableRollback and OnFailure.",
        ),
        (
            "create_change_set",
            {"ChangeSetName": "c", "OnStackFailure": "DELETE"},
            "OnStackFailure DELETE is only valid with ChangeSetType CREATE",
        ),
    ],
)
def test_choices_that_there_are_not(
    story: Any, call: str, given: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(story.world.cloudformation, call)(
            StackName=story.name, TemplateBody=template(), **given
        )
    assert complaint in caught.value.response["Error"]["Message"]
