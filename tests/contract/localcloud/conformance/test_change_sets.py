"""What a change set foretells, property by property, and what becomes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import follows, operation

FORETOLD = operation("CloudFormation", "ResourceChange")
DETAILED = operation("CloudFormation", "ResourceTargetDefinition")
BODY = """
Parameters:
  Words: {Type: String, Default: one}
  Port: {Type: String, Default: "80"}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Ref Words
      SecurityGroupIngress:
        - {IpProtocol: tcp, FromPort: !Ref Port, ToPort: !Ref Port, CidrIp: 10.0.0.0/8}
  Setting:
    Type: AWS::SSM::Parameter
    Properties: {Type: String, Value: !GetAtt Group.GroupId}
"""


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]


def foretell(story: Any, body: str = BODY, **values: str) -> dict[str, dict[str, Any]]:
    """The changes of a change set, by logical id."""
    api = story.world.cloudformation
    made = api.create_change_set(
        StackName=story.name, ChangeSetName=story.world.name("change"), TemplateBody=body,
        Parameters=given(**values),
    )["Id"]  # fmt: skip
    status = lambda: api.describe_change_set(ChangeSetName=made)["Status"]  # noqa: E731
    story.wait_while(status, "CREATE_PENDING", "CREATE_IN_PROGRESS")
    told = api.describe_change_set(ChangeSetName=made, IncludePropertyValues=True)
    changes = [each["ResourceChange"] for each in told["Changes"]]
    return {each["LogicalResourceId"]: each for each in changes}


@FORETOLD
@DETAILED
def test_a_change_in_place(story: Any) -> None:
    story.create(BODY)
    changes = foretell(story, Port="81")
    assert set(changes) == {"Group"}
    group = changes["Group"]
    assert (group["Action"], group["Replacement"], group["Scope"]) == (
        "Modify", "False", ["Properties"],
    )  # fmt: skip
    assert group["PhysicalResourceId"] == story.physical("Group")
    assert group["ResourceType"] == "AWS::EC2::SecurityGroup"
    targets = [each["Target"] for each in group["Details"]]
    assert {each["Name"] for each in targets} == {"SecurityGroupIngress"}
    assert {each["RequiresRecreation"] for each in targets} == {"Never"}
    assert {e["CausingEntity"] for e in group["Details"] if "CausingEntity" in e} == {"Port"}


@FORETOLD
@DETAILED
def test_a_replacement_and_what_follows_from_it(story: Any) -> None:
    story.create(BODY)
    changes = foretell(story, Words="two")
    assert set(changes) == {"Group", "Setting"}
    group, setting = changes["Group"], changes["Setting"]
    assert (group["Replacement"], group["PolicyAction"]) == ("True", "ReplaceAndDelete")
    [detail] = group["Details"]
    assert (detail["Evaluation"], detail["ChangeSource"], detail["CausingEntity"]) == (
        "Static", "ParameterReference", "Words",
    )  # fmt: skip
    target = detail["Target"]
    assert (target["BeforeValue"], target["AfterValue"]) == ("one", "two")
    assert (target["RequiresRecreation"], target["Path"]) == (
        "Always", "/Properties/GroupDescription",
    )  # fmt: skip
    # Which id the new group will have is not known before it is there.
    assert (setting["Action"], setting["Replacement"]) == ("Modify", "False")
    dynamic = [each for each in setting["Details"] if each["Evaluation"] == "Dynamic"]
    assert {each["ChangeSource"] for each in dynamic} == {"ResourceAttribute"}
    assert {each["CausingEntity"] for each in dynamic} == {"Group.GroupId"}


@FORETOLD
def test_what_comes_and_what_goes(story: Any) -> None:
    story.create(BODY)
    body = BODY[: BODY.index("  Setting:")] + (
        "  Kept:\n    Type: AWS::SSM::Parameter\n    DeletionPolicy: Retain\n"
        "    Properties: {Type: String, Value: x}\n"
    )
    changes = foretell(story, body)
    assert {name: each["Action"] for name, each in changes.items()} == {
        "Setting": "Remove", "Kept": "Add",
    }  # fmt: skip
    assert changes["Setting"]["PolicyAction"] == "Delete"
    assert "Replacement" not in changes["Kept"]
    after = json.loads(changes["Kept"]["AfterContext"])
    assert after["Properties"] == {"Type": "String", "Value": "x"}


@operation("CloudFormation", "ExecuteChangeSet")
@operation("CloudFormation", "DeleteChangeSet")
@operation("CloudFormation", "ListChangeSets")
def test_one_is_executed_and_the_others_are_void(story: Any) -> None:
    api = story.world.cloudformation
    story.create(BODY)
    first = story.change(BODY.replace('Default: "80"', 'Default: "81"'))
    second = story.change(BODY.replace('Default: "80"', 'Default: "82"'))
    third = story.change(BODY.replace('Default: "80"', 'Default: "83"'))
    listed = api.list_change_sets(StackName=story.name)["Summaries"]
    assert {each["ExecutionStatus"] for each in listed} == {"AVAILABLE"}
    assert len(listed) == 3
    api.delete_change_set(ChangeSetName=third["ChangeSetId"])
    assert refused(api.describe_change_set, ChangeSetName=third["ChangeSetId"])[0] == (
        "ChangeSetNotFound"
    )
    api.execute_change_set(ChangeSetName=second["ChangeSetId"])
    assert story.settle() == "UPDATE_COMPLETE"
    assert refused(api.execute_change_set, ChangeSetName=first["ChangeSetId"])[0] == (
        "ChangeSetNotFound"
    )
    groups = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
    assert groups["SecurityGroups"][0]["IpPermissions"][0]["FromPort"] == 82


@operation("CloudFormation", "CreateChangeSet")
@pytest.mark.parametrize(
    ("more", "complaint"),
    [
        ({"ChangeSetType": "CREATE"}, "already exists"),
        ({"ChangeSetType": "NONSENSE"}, "failed to satisfy constraint"),
        ({"TemplateBody": "Resources: {}"}, "At least one Resources member must be defined"),
    ],
)
def test_change_sets_that_cannot_be(story: Any, more: dict[str, str], complaint: str) -> None:
    story.create(BODY)
    asked = {"StackName": story.name, "ChangeSetName": "c", "TemplateBody": BODY, **more}
    assert complaint in refused(story.world.cloudformation.create_change_set, **asked)[1]


FOREIGN = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: x
      SecurityGroupIngress: RULES
MORE"""
WAIT = """
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: Group
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT5M}}
"""


@operation("CloudFormation", "ContinueUpdateRollback")
@follows(
    "CloudFormation user guide, Continue rolling back an update",
    "AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html",
)
def test_a_rollback_that_cannot_be_is_left_by_skipping(story: Any) -> None:
    api, rule = (
        story.world.cloudformation,
        "{IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8}",
    )
    before = FOREIGN.replace("RULES", "[]").replace("MORE", "")
    story.create(before)
    after = FOREIGN.replace("RULES", f"[{rule}]").replace("MORE", WAIT)
    api.update_stack(StackName=story.name, TemplateBody=after)
    assert story.begun("Wait")
    # Behind the stack's back, what would have to be put back is gone.
    story.world.ec2.delete_security_group(GroupId=story.physical("Group"))
    api.signal_resource(
        StackName=story.name, LogicalResourceId="Wait", UniqueId="one", Status="FAILURE"
    )
    assert story.settle() == "UPDATE_ROLLBACK_FAILED", story.news()
    busy = refused(api.update_stack, StackName=story.name, TemplateBody=before)
    assert "is in UPDATE_ROLLBACK_FAILED state and can not be updated" in busy[1]
    code = refused(
        api.continue_update_rollback, StackName=story.name, ResourcesToSkip=["Nobody"]
    )[0]  # fmt: skip
    assert code == "ValidationError"
    api.continue_update_rollback(StackName=story.name, ResourcesToSkip=["Group"])
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE", story.news()


@operation("CloudFormation", "CreateChangeSet")
def test_what_is_asked_for_and_changes_nothing_is_taken(story: Any) -> None:
    """As CDK's command line asks: nested stacks where there are none, the standard way."""
    api = story.world.cloudformation
    story.create(BODY)
    made = api.create_change_set(
        StackName=story.name, ChangeSetName=story.world.name("standard"), TemplateBody=BODY,
        Parameters=given(Port="81"), IncludeNestedStacks=True,
        DeploymentConfig={"Mode": "STANDARD", "DisableRollback": False},
    )["Id"]  # fmt: skip
    assert api.describe_change_set(ChangeSetName=made)["IncludeNestedStacks"] is True
