"""Values that a template takes from elsewhere, and what its functions make of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import follows, operation

STORED = follows(
    "CloudFormation user guide, Supported parameter types: Systems Manager parameter types",
    "AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html",
)
DYNAMIC = follows(
    "CloudFormation user guide, Get values stored in other services using dynamic references",
    "AWSCloudFormation/latest/UserGuide/dynamic-references.html",
)
STORE = """
Parameters: {Stored: {Type: "AWS::SSM::Parameter::Value<String>", Default: /NAME}}
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: !Ref Stored
      Tags:
        - {Key: live, Value: "{{resolve:ssm:/NAME}}"}
        - {Key: first, Value: "{{resolve:ssm:/NAME:1}}"}
        - {Key: word, Value: "{{resolve:secretsmanager:NAME:SecretString:word}}"}
"""


def tags_of(story: Any) -> dict[str, str]:
    found = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
    return {each["Key"]: each["Value"] for each in found["SecurityGroups"][0]["Tags"]}


@STORED
@DYNAMIC
def test_values_come_from_the_parameter_store_and_secrets(story: Any) -> None:
    ssm, secrets = story.world.client("ssm"), story.world.client("secretsmanager")
    kept, name = story.world.kept, f"/{story.name}"
    ssm.put_parameter(Name=name, Value="old", Type="String")
    kept(ssm.delete_parameter, Name=name)
    ssm.put_parameter(Name=name, Value="new", Type="String", Overwrite=True)
    secrets.create_secret(Name=story.name, SecretString=json.dumps({"word": "sesame"}))
    kept(secrets.delete_secret, SecretId=story.name, ForceDeleteWithoutRecovery=True)
    body = STORE.replace("NAME", story.name)
    assert story.create(body) == "CREATE_COMPLETE", story.news()
    tags = tags_of(story)
    assert (tags["live"], tags["first"], tags["word"]) == ("new", "old", "sesame")
    assert story.described["Parameters"] == [
        {"ParameterKey": "Stored", "ParameterValue": name, "ResolvedValue": "new"}
    ]
    # The template keeps the references, and an update takes what the store has by then.
    told = story.world.cloudformation.get_template(StackName=story.name)
    assert told["TemplateBody"] == body
    ssm.put_parameter(Name=name, Value="newest", Type="String", Overwrite=True)
    assert story.update(body) == "UPDATE_COMPLETE", story.news()
    assert story.described["Parameters"][0]["ResolvedValue"] == "newest"


@STORED
def test_a_parameter_that_the_store_does_not_have_is_refused(story: Any) -> None:
    body = STORE.replace("NAME", f"{story.name}-nothing").partition("      Tags:")[0]
    with pytest.raises(ClientError, match="Unable to fetch parameters") as caught:
        story.create(body)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert not story.lives


TYPED = """
Parameters:
  Value: {Type: TYPE, RULE}
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: x}}
"""


@follows(
    "CloudFormation user guide, CloudFormation template Parameters syntax",
    "AWSCloudFormation/latest/UserGuide/parameters-section-structure.html",
)
@pytest.mark.parametrize(
    ("kind", "rule", "value", "complaint"),
    [
        ("String", "AllowedValues: [a, b]", "c", "must be one of AllowedValues"),
        ("String", "AllowedPattern: '[a-z]+'", "A", "must match pattern [a-z]+"),
        (
            "String",
            "AllowedPattern: '[a-z]+', ConstraintDescription: small letters",
            "A",
            "Parameter Value failed to satisfy constraint: small letters",
        ),
        ("String", "MaxLength: 2", "abc", "must contain at most 2 characters"),
        ("String", "MinLength: 2", "a", "must contain at least 2 characters"),
        ("Number", "MaxValue: 2", "3", "must be a number not greater than 2"),
        ("Number", "MinValue: 2", "1", "must be a number not less than 2"),
        ("Number", "Description: n", "one", "must be a number"),
    ],
)
def test_what_a_parameter_may_not_be(
    story: Any, kind: str, rule: str, value: str, complaint: str
) -> None:
    body = TYPED.replace("TYPE", kind).replace("RULE", rule)
    with pytest.raises(ClientError) as caught:
        story.create(body, Parameters=[{"ParameterKey": "Value", "ParameterValue": value}])
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert complaint in error["Message"]
    assert not story.lives


@operation("CloudFormation", "CreateStack")
def test_every_parameter_has_a_value_and_every_value_a_parameter(story: Any) -> None:
    body = TYPED.replace("TYPE", "String").replace("RULE", "Description: none")
    with pytest.raises(ClientError, match=r"Parameters: \[Value\] must have values"):
        story.create(body)
    with pytest.raises(ClientError, match=r"Parameters: \[Other\] do not exist in the template"):
        story.create(
            body,
            Parameters=[
                {"ParameterKey": "Value", "ParameterValue": "a"},
                {"ParameterKey": "Other", "ParameterValue": "a"},
            ],
        )


FUNCTIONS = """
Parameters:
  Names: {Type: CommaDelimitedList, Default: "a, b,c"}
  Stage: {Type: String, Default: test}
Mappings: {Sizes: {test: {disk: "1"}, prod: {disk: "9"}}}
Conditions:
  Test: !Equals [!Ref Stage, test]
  Prod: !Not [!Condition Test]
  Either: !Or [!Condition Test, !Condition Prod]
  Both: !And [!Condition Test, !Condition Prod]
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: x}}
  Never: {Type: "AWS::EC2::SecurityGroup", Condition: Both, Properties: {GroupDescription: y}}
Outputs:
  Base64: {Value: {"Fn::Base64": hello}}
  Cidr: {Value: !Join ["|", !Cidr [10.0.0.0/16, 3, 8]]}
  FindInMap: {Value: !FindInMap [Sizes, !Ref Stage, disk]}
  GetAtt: {Value: !GetAtt Group.GroupId}
  GetAZs: {Value: !Join [",", !GetAZs ""]}
  If: {Value: !If [Test, one, two]}
  Join: {Value: !Join [":", !Ref Names]}
  Or: {Value: !If [Either, one, two]}
  Partition: {Value: !Ref AWS::Partition}
  Select: {Value: !Select [1, !Ref Names]}
  Split: {Value: !Select [2, !Split [".", a.b.c.d]]}
  Sub: {Value: !Sub "${AWS::Region} ${AWS::AccountId} ${Group} ${!Literal}"}
  SubMap: {Value: !Sub ["${One}-${Stage}", {One: 1}]}
  Suffix: {Value: !Ref AWS::URLSuffix}
"""


@follows(
    "CloudFormation template reference, Intrinsic function reference",
    "AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html",
)
def test_intrinsic_functions(story: Any) -> None:
    assert story.create(FUNCTIONS) == "CREATE_COMPLETE", story.news()
    world, group = story.world, story.physical("Group")
    zones = world.ec2.describe_availability_zones()["AvailabilityZones"]
    assert story.outputs == {
        "Base64": "aGVsbG8=",
        "Cidr": "10.0.0.0/24|10.0.1.0/24|10.0.2.0/24",
        "FindInMap": "1",
        "GetAtt": group,
        "GetAZs": ",".join(sorted(each["ZoneName"] for each in zones)),
        "If": "one",
        "Join": "a:b:c",
        "Or": "one",
        "Partition": "aws",
        "Select": "b",
        "Split": "c",
        "Sub": f"{world.region} {world.account} {group} ${{Literal}}",
        "SubMap": "1-test",
        "Suffix": "amazonaws.com",
    }
    resources = world.cloudformation.list_stack_resources(StackName=story.name)
    names = [each["LogicalResourceId"] for each in resources["StackResourceSummaries"]]
    assert names == ["Group"]


@follows(
    "CloudFormation template reference, Intrinsic function reference",
    "AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html",
)
@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("!Ref Nobody", "Unresolved resource dependencies [Nobody] in the Outputs block"),
        ("!GetAtt Nobody.Arn", "instance of Fn::GetAtt references undefined resource Nobody"),
        ("!Sub '${Nobody}'", "Unresolved resource dependencies [Nobody] in the Outputs block"),
        ("!If [Nobody, a, b]", "Unresolved condition dependency Nobody in the Outputs block"),
    ],
)
def test_what_refers_to_nothing_is_refused(story: Any, value: str, complaint: str) -> None:
    body = TYPED.partition("Resources:")[2]
    with pytest.raises(ClientError) as caught:
        story.create(f"Resources:{body}Outputs: {{A: {{Value: {value}}}}}\n")
    error = caught.value.response["Error"]
    assert error["Code"] == "ValidationError"
    assert complaint in error["Message"]
