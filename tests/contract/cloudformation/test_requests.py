"""Every operation as clients use it: boto3's waiters and paginators, wording of refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

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


def given(**values: str) -> list[dict[str, str]]:
    return [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]


def test_boto3_waiters_and_paginators(story: Any) -> None:
    api = story.world.cloudformation
    made = api.create_stack(StackName=story.name, TemplateBody=GROUP, ClientRequestToken="t1")
    story.stack_id = made["StackId"]
    api.get_waiter("stack_exists").wait(StackName=story.name, WaiterConfig=SHORT)
    api.get_waiter("stack_create_complete").wait(StackName=story.name, WaiterConfig=SHORT)
    events = api.describe_stack_events(StackName=story.name)["StackEvents"]
    assert {event["ClientRequestToken"] for event in events} == {"t1"}
    assert len({event["EventId"] for event in events}) == len(events)
    change = api.create_change_set(
        StackName=story.name, ChangeSetName="c", TemplateBody=GROUP, Parameters=given(Open="no")
    )
    waiter = api.get_waiter("change_set_create_complete")
    waiter.wait(ChangeSetName=change["Id"], WaiterConfig=SHORT)
    api.execute_change_set(StackName=story.name, ChangeSetName="c")
    api.get_waiter("stack_update_complete").wait(StackName=story.name, WaiterConfig=SHORT)
    told = api.describe_change_set(ChangeSetName=change["Id"])
    assert told["ExecutionStatus"] == "EXECUTE_COMPLETE"
    pages = api.get_paginator("list_stack_resources").paginate(StackName=story.name)
    assert [r["LogicalResourceId"] for p in pages for r in p["StackResourceSummaries"]] == ["Group"]
    api.delete_stack(StackName=story.name)
    api.get_waiter("stack_delete_complete").wait(StackName=made["StackId"], WaiterConfig=SHORT)
    api.delete_stack(StackName=story.name)


def test_waiter_ends_when_nothing_changes(story: Any) -> None:
    api = story.world.cloudformation
    story.create(GROUP)
    change = api.create_change_set(StackName=story.name, ChangeSetName="same", TemplateBody=GROUP)
    with pytest.raises(WaiterError):
        api.get_waiter("change_set_create_complete").wait(
            ChangeSetName=change["Id"], WaiterConfig=SHORT
        )
    with pytest.raises(ClientError, match=r"cannot be executed in its current status of \[FAILED"):
        api.execute_change_set(ChangeSetName=change["Id"])
    api.delete_change_set(ChangeSetName=change["Id"])
    with pytest.raises(ClientError, match="does not exist") as caught:
        api.describe_change_set(ChangeSetName=change["Id"])
    assert caught.value.response["Error"]["Code"] == "ChangeSetNotFound"
    with pytest.raises(ClientError, match="No updates are to be performed"):
        api.update_stack(StackName=story.name, TemplateBody=GROUP)


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
        "Zone": "eu-west-1a",
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


def test_outputs_alone_are_a_change(story: Any) -> None:
    story.create(GROUP)
    more = GROUP + "  More: {Value: more}\n"
    assert story.change(more)["Changes"] == []
    assert story.update(more) == "UPDATE_COMPLETE"
    assert story.outputs["More"] == "more"


def test_templates_are_validated_and_summed_up(story: Any, service: str) -> None:
    api = story.world.cloudformation
    told = api.validate_template(TemplateBody=service)
    assert told["Capabilities"] == ["CAPABILITY_IAM"]
    assert told["Description"] == "Service greeter"
    assert [p["ParameterKey"] for p in told["Parameters"]] == [
        "ImageId",
        "SubnetId",
        "VpcId",
        "AvailabilityZone",
    ]
    told = api.get_template_summary(TemplateBody=GROUP)
    assert told["ResourceTypes"] == ["AWS::EC2::SecurityGroup"]
    assert told["Parameters"][3]["ParameterConstraints"] == {"AllowedValues": ["yes", "no"]}
    with pytest.raises(ClientError, match="Unresolved resource dependencies"):
        api.validate_template(TemplateBody="Resources: {A: {Type: T, DependsOn: B}}")


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


def test_a_busy_stack_refuses(story: Any, service: str) -> None:
    api = story.world.cloudformation
    story.world.faults.pending.set()
    change = story.change(service, "CREATE")
    api.execute_change_set(ChangeSetName=change["ChangeSetId"])
    with pytest.raises(ClientError, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        story.change(service)
    with pytest.raises(ClientError, match="already exists and cannot be created again"):
        story.change(service, "CREATE")


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


def test_values_from_the_parameter_store_and_secrets(story: Any) -> None:
    ssm, secrets = story.world.client("ssm"), story.world.client("secretsmanager")
    ssm.put_parameter(Name=f"/{story.name}", Value="from-ssm", Type="String")
    secrets.create_secret(Name=story.name, SecretString=json.dumps({"word": "sesame"}))
    text = """
Parameters: {Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /NAME}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Ref Stored
      Tags:
        - {Key: live, Value: "{{resolve:ssm:/NAME}}"}
        - {Key: word, Value: "{{resolve:secretsmanager:NAME:SecretString:word}}"}
""".replace("NAME", story.name)
    assert story.create(text) == "CREATE_COMPLETE"
    answer = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
    group = answer["SecurityGroups"][0]
    tags = {t["Key"]: t["Value"] for t in group["Tags"]}
    assert (group["Description"], tags["live"], tags["word"]) == ("from-ssm", "from-ssm", "sesame")
    assert story.described["Parameters"] == [
        {
            "ParameterKey": "Stored",
            "ParameterValue": f"/{story.name}",
            "ResolvedValue": "from-ssm",
        }
    ]
    assert "sesame" not in story.world.engine.save()


@pytest.mark.parametrize(
    ("call", "arguments", "complaint"),
    [
        ("list_stack_sets", {}, "Operation ListStackSets is known to AWS, not to this local cloud"),
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


def test_another_region_is_refused_by_name(story: Any) -> None:
    import boto3

    elsewhere = boto3.client(
        "cloudformation",
        endpoint_url=story.world.url,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    with pytest.raises(ClientError, match="is in eu-west-1, not in us-east-1"):
        elsewhere.describe_stacks()
