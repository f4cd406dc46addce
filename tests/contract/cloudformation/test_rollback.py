"""Failed operations that stay as they are, and the ways out.

Follows the API reference of RollbackStack, CreateStack (OnFailure, DisableRollback,
RetainExceptOnCreate), UpdateStack, CreateChangeSet (OnStackFailure) and ExecuteChangeSet, and the
CloudFormation user guide, "Stack failure options" and "DeletionPolicy attribute".
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

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


def test_a_failed_update_is_rolled_back_on_request(full: Any) -> None:
    full.create(template())
    first = full.physical("First")
    broken = template(DATA, first="other")
    assert full.update(broken, DisableRollback=True) == "UPDATE_FAILED"
    assert full.physical("First") != first
    full.news()
    assert roll_back(full, ClientRequestToken="back") == "UPDATE_ROLLBACK_COMPLETE"
    assert full.news()[0] == "STACK UPDATE_ROLLBACK_IN_PROGRESS [User Initiated]"
    assert full.physical("First") == first
    assert groups(full) == ["first"]
    events = full.world.cloudformation.describe_stack_events(StackName=full.name)["StackEvents"]
    assert events[0]["ClientRequestToken"] == "back"
    told = full.world.cloudformation.get_template(StackName=full.name)
    assert told["TemplateBody"] == template()


def test_several_failed_updates_are_rolled_back_at_once(full: Any) -> None:
    full.create(template())
    first = full.physical("First")
    for number in ("2", "3"):
        assert full.update(template(DATA, first=number), DisableRollback=True) == "UPDATE_FAILED"
    full.world.restart()
    assert roll_back(full) == "UPDATE_ROLLBACK_COMPLETE"
    assert full.physical("First") == first
    assert groups(full) == ["first"]


def test_a_failed_create_has_no_state_to_go_back_to(full: Any) -> None:
    assert full.create(template(DATA), OnFailure="DO_NOTHING") == "CREATE_FAILED"
    full.news()
    assert roll_back(full) == "DELETE_COMPLETE"
    assert full.news() == [
        "STACK DELETE_IN_PROGRESS [User Initiated]",
        "Data DELETE_COMPLETE",
        "First DELETE_IN_PROGRESS",
        "First DELETE_COMPLETE",
        "STACK DELETE_COMPLETE",
    ]


def test_nor_has_an_update_of_one(full: Any) -> None:
    full.create(template(DATA), OnFailure="DO_NOTHING")
    assert full.update(template(DATA, first="2"), DisableRollback=True) == "UPDATE_FAILED"
    full.world.cloudformation.update_termination_protection(
        StackName=full.name, EnableTerminationProtection=True
    )
    with pytest.raises(ClientError, match="while TerminationProtection is enabled"):
        roll_back(full)
    full.world.cloudformation.update_termination_protection(
        StackName=full.name, EnableTerminationProtection=False
    )
    assert roll_back(full) == "DELETE_COMPLETE"
    assert groups(full) == []


def test_from_a_failed_state_an_update_goes_only_forward(full: Any) -> None:
    full.create(template(DATA), OnFailure="DO_NOTHING")
    refusal = r"This stack is currently in a non-terminal \[CREATE_FAILED\] state"
    with pytest.raises(ClientError, match=refusal):
        full.update(template(DATA))
    with pytest.raises(ClientError, match=refusal):
        full.apply(template())
    change = full.change(template())
    full.world.cloudformation.execute_change_set(
        ChangeSetName=change["ChangeSetId"], DisableRollback=True
    )
    assert full.settle() == "UPDATE_COMPLETE"
    with pytest.raises(ClientError, match=r"is in UPDATE_COMPLETE state and can not be rolled"):
        roll_back(full)


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


@pytest.mark.parametrize(
    ("policy", "flag", "left"),
    [
        ("Retain", False, ["kept"]),
        ("Retain", True, []),
        ("RetainExceptOnCreate", False, []),
        ("Delete", False, []),
    ],
)
def test_what_a_failed_create_leaves(full: Any, policy: str, flag: bool, left: list[str]) -> None:
    text = template(KEPT, DATA, policy=policy)
    assert full.create(text, RetainExceptOnCreate=flag) == "ROLLBACK_COMPLETE"
    assert groups(full) == left
    drop_groups(full)


@pytest.mark.parametrize(
    ("policy", "flag", "left"),
    [
        ("Retain", False, ["first", "kept"]),
        ("Retain", True, ["first"]),
        ("RetainExceptOnCreate", False, ["first"]),
    ],
)
def test_what_a_failed_update_leaves(full: Any, policy: str, flag: bool, left: list[str]) -> None:
    full.create(template())
    text = template(KEPT, DATA, policy=policy)
    assert full.update(text, RetainExceptOnCreate=flag) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(full) == left
    full.delete()
    drop_groups(full)


def test_what_a_requested_rollback_leaves(full: Any) -> None:
    full.create(template())
    text = template(KEPT, DATA)
    assert full.update(text, DisableRollback=True) == "UPDATE_FAILED"
    assert roll_back(full, RetainExceptOnCreate=True) == "UPDATE_ROLLBACK_COMPLETE"
    assert groups(full) == ["first"]


def test_rollback_may_be_asked_for_by_name(full: Any) -> None:
    full.create(template())
    assert full.update(template(DATA), DisableRollback=False) == "UPDATE_ROLLBACK_COMPLETE"


@pytest.mark.parametrize(
    ("choice", "end"),
    [
        ("ROLLBACK", "ROLLBACK_COMPLETE"),
        ("DO_NOTHING", "CREATE_FAILED"),
        ("DELETE", "DELETE_COMPLETE"),
    ],
)
def test_a_change_set_says_what_follows_a_failure(full: Any, choice: str, end: str) -> None:
    api = full.world.cloudformation
    made = api.create_change_set(
        StackName=full.name,
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=template(DATA),
        OnStackFailure=choice,
    )
    full.stack_id = made["StackId"]
    api.get_waiter("change_set_create_complete").wait(
        ChangeSetName=made["Id"], WaiterConfig={"Delay": 1, "MaxAttempts": 20}
    )
    with pytest.raises(ClientError, match="the change set has an OnStackFailure"):
        api.execute_change_set(ChangeSetName=made["Id"], DisableRollback=True)
    api.execute_change_set(ChangeSetName=made["Id"])
    assert full.settle() == end


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
