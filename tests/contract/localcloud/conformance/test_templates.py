"""What a template may say: rules, capabilities, the form of names, and quotas."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import follows, operation

RULE = follows(
    "CloudFormation template reference, Rules section",
    "AWSCloudFormation/latest/UserGuide/rules-section-structure.html",
)
QUOTAS = follows(
    "CloudFormation user guide, Understand CloudFormation quotas",
    "AWSCloudFormation/latest/UserGuide/cloudformation-limits.html",
)
RULES = """
Parameters:
  Stage: {Type: String, Default: test}
  Kind: {Type: String, Default: small}
  Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}
  Vpc: {Type: "AWS::EC2::VPC::Id"}
Rules:
  Large:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - Assert: !Contains [[large], !Ref Kind]
        AssertDescription: production is large
  Inside:
    Assertions:
      - Assert: !EachMemberEquals [!ValueOf [Subnets, VpcId], !Ref Vpc]
      - Assert: !EachMemberIn
          - !ValueOfAll ["AWS::EC2::Subnet::Id", VpcId]
          - !RefAll "AWS::EC2::VPC::Id"
      - Assert: !Not [!Equals [!ValueOf [Vpc, DefaultSecurityGroup], ""]]
      - Assert: !Not [!Equals [!ValueOf [Vpc, DefaultNetworkAcl], ""]]
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: !Ref Kind}}
"""
ROLE = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument: {Version: "2012-10-17", Statement: []}
"""
GROUP = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x"}}


def given(story: Any, **values: str) -> list[dict[str, str]]:
    network = story.world.network
    known = {"Subnets": network["SubnetId"], "Vpc": network["VpcId"], **values}
    return [{"ParameterKey": k, "ParameterValue": v} for k, v in known.items()]


@RULE
def test_rules_hold_before_a_stack_is_made_or_changed(story: Any) -> None:
    refused = "Template rule Large failed: production is large"
    with pytest.raises(ClientError, match=refused):
        story.create(RULES, Parameters=given(story, Stage="prod"))
    assert not story.lives
    assert story.create(RULES, Parameters=given(story)) == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match=refused):
        story.update(RULES, Parameters=given(story, Stage="prod"))
    with pytest.raises(ClientError, match=refused):
        story.world.cloudformation.create_change_set(
            StackName=story.name,
            ChangeSetName="c",
            UsePreviousTemplate=True,
            Parameters=given(story, Stage="prod"),
        )
    assert story.update(RULES, Parameters=given(story, Stage="prod", Kind="large")) == (
        "UPDATE_COMPLETE"
    )


@RULE
def test_a_rule_may_ask_what_the_services_know(story: Any) -> None:
    ec2, kept = story.world.ec2, story.world.kept
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16", TagSpecifications=story.world.tags("vpc"))["Vpc"][
        "VpcId"
    ]
    kept(ec2.delete_vpc, VpcId=vpc)
    with pytest.raises(ClientError, match="Template rule Inside failed"):
        story.create(RULES, Parameters=given(story, Vpc=vpc))
    tagged = RULES.replace("!ValueOf [Vpc, DefaultSecurityGroup]", '!ValueOf [Vpc, "Tags.team"]')
    tagged = tagged.replace('!Not [!Equals [!ValueOf [Vpc, "Tags.team"], ""]]',
                            '!Equals [!ValueOf [Vpc, "Tags.team"], red]')  # fmt: skip
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]
    kept(ec2.delete_subnet, SubnetId=subnet["SubnetId"])
    parameters = given(story, Vpc=vpc, Subnets=subnet["SubnetId"])
    with pytest.raises(ClientError, match="Template rule Inside failed"):
        story.create(tagged, Parameters=parameters)
    ec2.create_tags(Resources=[vpc], Tags=[{"Key": "team", "Value": "red"}])
    assert story.create(tagged, Parameters=parameters) == "CREATE_COMPLETE"


@operation("CloudFormation", "CreateStack")
@pytest.mark.parametrize(
    ("named", "acknowledged", "needed"),
    [
        (False, [], "CAPABILITY_IAM"),
        (False, ["CAPABILITY_AUTO_EXPAND"], "CAPABILITY_IAM"),
        (True, [], "CAPABILITY_NAMED_IAM"),
        (True, ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
    ],
)
def test_iam_resources_are_acknowledged(
    story: Any, named: bool, acknowledged: list[str], needed: str
) -> None:
    api = story.world.cloudformation
    body = ROLE + (f"      RoleName: {story.name}\n" if named else "")
    for call, more in (
        (api.create_stack, {}),
        (api.create_change_set, {"ChangeSetName": "c", "ChangeSetType": "CREATE"}),
    ):
        with pytest.raises(ClientError) as caught:
            call(StackName=story.name, TemplateBody=body, Capabilities=acknowledged, **more)
        error = caught.value.response["Error"]
        assert error["Code"] == "InsufficientCapabilitiesException"
        assert error["Message"] == f"Requires capabilities : [{needed}]"


@operation("CloudFormation", "CreateStack")
@operation("CloudFormation", "CreateChangeSet")
@pytest.mark.parametrize(
    ("call", "arguments", "complaint"),
    [
        ("create_stack", {"StackName": "a" * 129}, "Member must have length less than or equal to"),
        (
            "create_change_set",
            {"ChangeSetName": "9c", "ChangeSetType": "CREATE"},
            "Value '9c' at 'changeSetName' failed to satisfy constraint",
        ),
        (
            "create_change_set",
            {"ChangeSetName": "c" * 129, "ChangeSetType": "CREATE"},
            "at 'changeSetName' failed to satisfy constraint: Member must have length less",
        ),
        (
            "create_stack",
            {"ClientRequestToken": "a b"},
            "Value 'a b' at 'clientRequestToken' failed to satisfy constraint",
        ),
    ],
)
def test_names_have_a_form(
    story: Any, call: str, arguments: dict[str, Any], complaint: str
) -> None:
    body = json.dumps({"Resources": {"A": GROUP}})
    with pytest.raises(ClientError) as caught:
        getattr(story.world.cloudformation, call)(
            **{"StackName": story.name, "TemplateBody": body, **arguments}
        )
    assert complaint in caught.value.response["Error"]["Message"]


@QUOTAS
@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        (
            {"Resources": {f"A{number}": GROUP for number in range(501)}},
            "Number of resources, 501, is greater than maximum allowed, 500",
        ),
        (
            {"Resources": {"A": GROUP}, "Metadata": {"m": "x" * 51_200}},
            "Member must have length less than or equal to 51200",
        ),
    ],
)
def test_what_is_too_much(story: Any, template: dict[str, Any], complaint: str) -> None:
    api = story.world.cloudformation
    body = json.dumps({"Resources": {"A": GROUP}, **template}, separators=(",", ":"))
    for call in (
        lambda: api.validate_template(TemplateBody=body),
        lambda: api.create_stack(StackName=story.name, TemplateBody=body),
        lambda: api.create_change_set(
            StackName=story.name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body
        ),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert complaint in caught.value.response["Error"]["Message"]
    assert not story.lives
