"""What a stack policy protects stays as it is."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import follows

pytestmark = follows(
    "CloudFormation user guide, Prevent updates to stack resources",
    "AWSCloudFormation/latest/UserGuide/protect-stack-resources.html",
)
TWO = """
Resources:
  First: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: FIRST, Tags: TAGS}}
  Second:
    Type: AWS::EC2::SecurityGroup
    Properties: {GroupDescription: !Sub "beside ${First}"}
"""
ALLOW = {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}


def two(first: str = "first", tags: str = "[]") -> str:
    return TWO.replace("FIRST", first).replace("TAGS", tags)


def denying(action: str, resource: str = "LogicalResourceId/First") -> str:
    deny = {"Effect": "Deny", "Principal": "*", "Action": action, "Resource": resource}
    return json.dumps({"Statement": [ALLOW, deny]})


def told(action: str, resource: str = "LogicalResourceId/First") -> str:
    return (
        f"Action denied by stack policy: Statement [#1] does not allow [{action}] for resource "
        f"[{resource}];"
    )


def test_a_denied_update_fails_and_goes_back(story: Any) -> None:
    assert story.create(two(), StackPolicyBody=denying("Update:Replace")) == "CREATE_COMPLETE"
    first = story.physical("First")
    story.news()
    assert story.update(two("other")) == "UPDATE_ROLLBACK_COMPLETE"
    assert story.news() == [
        "STACK UPDATE_IN_PROGRESS [User Initiated]",
        f"First UPDATE_FAILED [{told('Update:Replace')}]",
        "STACK UPDATE_ROLLBACK_IN_PROGRESS [The following resource(s) failed to update: [First].]",
        "First UPDATE_IN_PROGRESS",
        "First UPDATE_COMPLETE",
        "STACK UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "STACK UPDATE_ROLLBACK_COMPLETE",
    ]
    assert story.physical("First") == first
    assert story.update(two(tags="[{Key: a, Value: b}]")) == "UPDATE_COMPLETE"


def test_a_change_set_is_bound_too(story: Any) -> None:
    story.create(two())
    policy = denying("Update:Modify")
    story.world.cloudformation.set_stack_policy(StackName=story.name, StackPolicyBody=policy)
    got = story.world.cloudformation.get_stack_policy(StackName=story.name)
    assert got["StackPolicyBody"] == policy
    assert story.apply(two(tags="[{Key: a, Value: b}]")) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"First UPDATE_FAILED [{told('Update:Modify')}]" in story.news()


def test_removing_a_resource_needs_permission(story: Any) -> None:
    story.create(two(), StackPolicyBody=denying("Update:Delete", "LogicalResourceId/Sec*"))
    alone = two()[: two().index("  Second:")]
    assert story.update(alone) == "UPDATE_ROLLBACK_COMPLETE"
    reason = told("Update:Delete", "LogicalResourceId/Sec*")
    assert f"Second UPDATE_FAILED [{reason}]" in story.news()
    assert story.physical("Second").startswith("sg-")


def test_what_refers_to_an_updated_resource_needs_permission(story: Any) -> None:
    story.create(two(), StackPolicyBody=denying("Update:*", "LogicalResourceId/Second"))
    assert story.update(two(tags="[{Key: a, Value: b}]")) == "UPDATE_ROLLBACK_COMPLETE"
    assert any(line.startswith("Second UPDATE_FAILED [Action denied") for line in story.news())
    groups = story.world.ec2.describe_security_groups(GroupIds=[story.physical("First")])
    assert "a" not in {tag["Key"] for tag in groups["SecurityGroups"][0]["Tags"]}


def test_what_nothing_allows_is_denied(story: Any) -> None:
    allow = {**ALLOW, "Resource": "LogicalResourceId/Second"}
    story.create(two(), StackPolicyBody=json.dumps({"Statement": [allow]}))
    assert story.update(two("other")) == "UPDATE_ROLLBACK_COMPLETE"
    assert "First UPDATE_FAILED [Action not allowed by stack policy]" in story.news()


def test_new_resources_need_no_permission(story: Any) -> None:
    story.create(two(), StackPolicyBody=denying("Update:*", "*"))
    third = '  Third: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: third}}\n'
    assert story.update(two() + third) == "UPDATE_COMPLETE"


def test_another_policy_holds_for_one_update(story: Any) -> None:
    strict = denying("Update:*", "*")
    story.create(two(), StackPolicyBody=strict)
    open_ = json.dumps({"Statement": ALLOW})
    assert story.update(two("2"), StackPolicyDuringUpdateBody=open_) == "UPDATE_COMPLETE"
    got = story.world.cloudformation.get_stack_policy(StackName=story.name)
    assert got["StackPolicyBody"] == strict
    assert story.update(two("3")) == "UPDATE_ROLLBACK_COMPLETE"


def test_an_update_may_bring_the_policy_of_the_next(story: Any) -> None:
    api = story.world.cloudformation
    story.create(two())
    assert "StackPolicyBody" not in api.get_stack_policy(StackName=story.name)
    strict = denying("Update:Replace")
    assert story.update(two("2"), StackPolicyBody=strict) == "UPDATE_COMPLETE"
    assert api.get_stack_policy(StackName=story.name)["StackPolicyBody"] == strict
    assert story.update(two("3"), StackPolicyBody=denying("Update:Modify")) == (
        "UPDATE_ROLLBACK_COMPLETE"
    )
    assert api.get_stack_policy(StackName=story.name)["StackPolicyBody"] == strict


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"StackPolicyBody": "none"}, "Error validating stack policy: Invalid stack policy"),
        (
            {"StackPolicyBody": denying("Update:*", "LogicalResourceId/Nobody")},
            "Unknown logical id 'LogicalResourceId/Nobody'",
        ),
    ],
)
def test_no_policy_of_that_kind(story: Any, given: dict[str, str], complaint: str) -> None:
    api = story.world.cloudformation
    with pytest.raises(ClientError) as caught:
        api.create_stack(StackName=story.name, TemplateBody=two(), **given)
    assert complaint in caught.value.response["Error"]["Message"]
    story.create(two())
    with pytest.raises(ClientError) as caught:
        api.set_stack_policy(StackName=story.name, **given)
    assert complaint in caught.value.response["Error"]["Message"]
    with pytest.raises(ClientError) as caught:
        api.update_stack(StackName=story.name, TemplateBody=two("other"), **given)
    assert complaint in caught.value.response["Error"]["Message"]


def test_a_policy_binds_updates_only(story: Any) -> None:
    story.create(two(), StackPolicyBody=denying("Update:*", "*"))
    assert story.update(two("2")) == "UPDATE_ROLLBACK_COMPLETE"
    assert story.delete() == "DELETE_COMPLETE"
