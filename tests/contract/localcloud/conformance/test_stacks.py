"""Every operation on stacks as clients use it: boto3's waiters and paginators, refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError
from tests.contract.localcloud.conformance.documentation import operation

GROUP = """
Description: one group
Parameters:
  Words: {Type: String, Default: g}
  Ports: {Type: "List<Number>", Default: "80,443"}
  Secret: {Type: String, NoEcho: true, Default: hush}
  Open: {Type: String, AllowedValues: ["yes", "no"], Default: "yes"}
Mappings: {Nets: {here: {cidr: 10.0.0.0/8}}}
Conditions: {IsOpen: !Equals [!Ref Open, "yes"]}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Metadata: {why: because}
    Properties:
      GroupDescription: !Sub "${Words} in ${AWS::StackName}"
      SecurityGroupIngress:
        Fn::If:
          - IsOpen
          - - IpProtocol: tcp
              FromPort: !Select [0, !Ref Ports]
              ToPort: !Select [0, !Ref Ports]
              CidrIp: !FindInMap [Nets, here, cidr]
          - !Ref AWS::NoValue
      Tags: [{Key: secret, Value: !Ref Secret}]
  Sometimes:
    Type: AWS::EC2::SecurityGroup
    Condition: IsOpen
    Properties: {GroupDescription: x}
Outputs:
  Id: {Value: !GetAtt Group.GroupId, Export: {Name: !Sub "${AWS::StackName}-id"}, Description: d}
  Zone: {Value: !Select [0, !GetAZs ""]}
  Maybe: {Condition: IsOpen, Value: !Ref Sometimes}
"""
SHORT = {"Delay": 1, "MaxAttempts": 20}
UNHURRIED = {"Delay": 10, "MaxAttempts": 60}


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]


def waits(story: Any) -> dict[str, int]:
    """How boto3's waiters are to wait here."""
    return UNHURRIED if story.world.at_aws else SHORT


@operation("CloudFormation", "DescribeStackEvents")
def test_boto3_waiters_and_paginators(story: Any) -> None:
    api, wait = story.world.cloudformation, waits(story)
    made = api.create_stack(StackName=story.name, TemplateBody=GROUP, ClientRequestToken="t1")
    story.stack_id = made["StackId"]
    api.get_waiter("stack_exists").wait(StackName=story.name, WaiterConfig=wait)
    api.get_waiter("stack_create_complete").wait(StackName=story.name, WaiterConfig=wait)
    events = api.describe_stack_events(StackName=story.name)["StackEvents"]
    assert {event["ClientRequestToken"] for event in events} == {"t1"}
    assert len({event["EventId"] for event in events}) == len(events)
    change = api.create_change_set(
        StackName=story.name, ChangeSetName="c", TemplateBody=GROUP, Parameters=given(Open="no")
    )
    waiter = api.get_waiter("change_set_create_complete")
    waiter.wait(ChangeSetName=change["Id"], WaiterConfig=wait)
    api.execute_change_set(StackName=story.name, ChangeSetName="c")
    api.get_waiter("stack_update_complete").wait(StackName=story.name, WaiterConfig=wait)
    told = api.describe_change_set(ChangeSetName=change["Id"])
    assert told["ExecutionStatus"] == "EXECUTE_COMPLETE"
    pages = api.get_paginator("list_stack_resources").paginate(StackName=story.name)
    assert [r["LogicalResourceId"] for p in pages for r in p["StackResourceSummaries"]] == ["Group"]
    api.delete_stack(StackName=story.name)
    api.get_waiter("stack_delete_complete").wait(StackName=made["StackId"], WaiterConfig=wait)
    api.delete_stack(StackName=story.name)


@operation("CloudFormation", "ExecuteChangeSet")
def test_waiter_ends_when_nothing_changes(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP)
    change = api.create_change_set(StackName=story.name, ChangeSetName="same", TemplateBody=GROUP)
    with pytest.raises(WaiterError):
        api.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change["Id"], WaiterConfig=waits(story)
        )
    with pytest.raises(ClientError, match=r"cannot be executed in its current status of \[FAILED"):
        api.execute_change_set(ChangeSetName=change["Id"])
    api.delete_change_set(ChangeSetName=change["Id"])
    with pytest.raises(ClientError, match="does not exist") as caught:
        api.describe_change_set(ChangeSetName=change["Id"])
    assert caught.value.response["Error"]["Code"] == "ChangeSetNotFound"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        api.update_stack(StackName=story.name, TemplateBody=GROUP)


@operation("CloudFormation", "DescribeStacks")
def test_what_is_told_of_a_stack(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP, Parameters=given(Words="w"), EnableTerminationProtection=True)
    group = story.physical("Group")
    told = story.described
    assert told["Description"] == "one group"
    assert {p["ParameterKey"]: p["ParameterValue"] for p in told["Parameters"]} == {
        "Words": "w",
        "Ports": "80,443",
        "Secret": "****",
        "Open": "yes",
    }
    assert {o["OutputKey"]: o["OutputValue"] for o in told["Outputs"]} == {
        "Id": group,
        "Zone": story.world.zones[0],
        "Maybe": story.physical("Sometimes"),
    }
    assert told["Outputs"][0]["ExportName"] == f"{story.name}-id"
    exports = {e["Name"]: e["Value"] for e in api.list_exports()["Exports"]}
    assert exports[f"{story.name}-id"] == group
    events = api.describe_stack_events(StackName=story.name)["StackEvents"]
    assert "hush" not in json.dumps(events, default=str)
    by_physical = api.describe_stack_resources(PhysicalResourceId=group)["StackResources"]
    assert [r["LogicalResourceId"] for r in by_physical if r["PhysicalResourceId"] == group] == [
        "Group"
    ]
    detail = api.describe_stack_resource(StackName=story.name, LogicalResourceId="Group")
    assert json.loads(detail["StackResourceDetail"]["Metadata"]) == {"why": "because"}
    assert api.get_template(StackName=story.name)["TemplateBody"] == GROUP
    summaries = api.list_stacks(StackStatusFilter=["CREATE_COMPLETE"])["StackSummaries"]
    assert story.name in {s["StackName"] for s in summaries}
    with pytest.raises(ClientError, match="while TerminationProtection is enabled"):
        api.delete_stack(StackName=story.name)
    api.update_termination_protection(StackName=story.name, EnableTerminationProtection=False)
    assert story.delete() == "DELETE_COMPLETE"
    assert story.described["DeletionTime"]
    with pytest.raises(ClientError, match=f"Stack with id {story.name} does not exist"):
        api.describe_stacks(StackName=story.name)


@operation("CloudFormation", "UpdateStack")
def test_conditions_take_resources_away(story: Any) -> None:
    story.create(GROUP)
    assert story.update(GROUP, Parameters=given(Open="no")) == "UPDATE_COMPLETE"
    assert set(story.outputs) == {"Id", "Zone"}
    answer = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
    assert answer["SecurityGroups"][0]["IpPermissions"] == []
    previous = [{"ParameterKey": k, "UsePreviousValue": True} for k in ("Words", "Open")]
    with pytest.raises(ClientError, match="No updates"):
        story.world.cloudformation.update_stack(
            StackName=story.name, UsePreviousTemplate=True, Parameters=previous
        )


@operation("CloudFormation", "UpdateStack")
def test_outputs_alone_are_a_change(story: Any) -> None:
    story.create(GROUP)
    more = GROUP + "  More: {Value: more}\n"
    assert story.change(more)["Changes"] == []
    assert story.update(more) == "UPDATE_COMPLETE"
    assert story.outputs["More"] == "more"


@operation("CloudFormation", "ValidateTemplate")
def test_templates_are_validated_and_summed_up(story: Any) -> None:
    api = story.world.cloudformation
    role = "Resources: {A: {Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}}}}"
    assert api.validate_template(TemplateBody=role)["Capabilities"] == ["CAPABILITY_IAM"]
    told = api.validate_template(TemplateBody=GROUP)
    assert told.get("Capabilities", []) == []
    assert told["Description"] == "one group"
    asked = {p["ParameterKey"]: (p.get("DefaultValue"), p["NoEcho"]) for p in told["Parameters"]}
    assert asked == {
        "Words": ("g", False), "Ports": ("80,443", False), "Secret": ("hush", True),
        "Open": ("yes", False),
    }  # fmt: skip
    told = api.get_template_summary(TemplateBody=GROUP)
    assert told["ResourceTypes"] == ["AWS::EC2::SecurityGroup"]
    assert told["Parameters"][3]["ParameterConstraints"] == {"AllowedValues": ["yes", "no"]}
    with pytest.raises(ClientError, match="Unresolved resource dependencies"):
        api.validate_template(TemplateBody="Resources: {A: {Type: T, DependsOn: B}}")


@operation("CloudFormation", "CreateChangeSet")
def test_a_stack_in_review_is_no_stack_yet(story: Any) -> None:
    api = story.world.cloudformation
    made = api.create_change_set(
        StackName=story.name, ChangeSetName="one", ChangeSetType="CREATE", TemplateBody=GROUP
    )
    story.stack_id = made["StackId"]
    assert story.described["StackStatus"] == "REVIEW_IN_PROGRESS"
    again = api.create_change_set(
        StackName=story.name, ChangeSetName="two", ChangeSetType="CREATE", TemplateBody=GROUP
    )
    assert again["StackId"] == made["StackId"]
    names = {s["ChangeSetName"] for s in api.list_change_sets(StackName=story.name)["Summaries"]}
    assert names == {"one", "two"}
    with pytest.raises(ClientError, match="is in REVIEW_IN_PROGRESS state and can not be updated"):
        api.update_stack(StackName=story.name, TemplateBody=GROUP)
    api.delete_change_set(StackName=story.name, ChangeSetName="one")
    assert story.delete() == "DELETE_COMPLETE"


@operation("CloudFormation", "CreateStack")
def test_the_same_request_may_come_twice(story: Any) -> None:
    api = story.world.cloudformation
    first = api.create_stack(StackName=story.name, TemplateBody=GROUP, ClientRequestToken="t")
    story.stack_id = first["StackId"]
    again = api.create_stack(StackName=story.name, TemplateBody=GROUP, ClientRequestToken="t")
    assert again["StackId"] == first["StackId"]
    story.settle()
    with pytest.raises(ClientError) as caught:
        api.create_stack(StackName=story.name, TemplateBody=GROUP, ClientRequestToken="other")
    assert caught.value.response["Error"]["Code"] == "AlreadyExistsException"


@operation("CloudFormation", "CreateStack")
@operation("CloudFormation", "DescribeStacks")
@pytest.mark.parametrize(
    ("call", "arguments", "complaint"),
    [
        (
            "create_stack",
            {"StackName": "x", "TemplateURL": "https://x/y"},
            "TemplateURL must be a supported URL.",
        ),
        ("create_stack", {"StackName": "9x", "TemplateBody": GROUP}, "Value '9x' at 'stackName'"),
        (
            "create_stack",
            {"StackName": "x", "TemplateBody": GROUP, "Tags": [{"Key": "aws:x", "Value": "y"}]},
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        (
            "create_stack",
            {"StackName": "x", "TemplateBody": GROUP, "Parameters": given(Open="maybe")},
            "Parameter 'Open' must be one of AllowedValues",
        ),
        ("describe_stacks", {"StackName": "nobody"}, "Stack with id nobody does not exist"),
        (
            "create_change_set",
            {"StackName": "nobody", "ChangeSetName": "c", "TemplateBody": GROUP},
            "Stack with id nobody does not exist",
        ),
        (
            "cancel_update_stack",
            {"StackName": "nobody"},
            "Stack with id nobody does not exist",
        ),
    ],
)
def test_refusals(story: Any, call: str, arguments: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(story.world.cloudformation, call)(**arguments)
    assert complaint in caught.value.response["Error"]["Message"]
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
