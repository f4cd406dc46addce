"""Settings and secrets of a stack, read back through the service APIs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.localcloud.conformance.documentation import follows

SETTING = follows(
    "CloudFormation template reference, AWS::SSM::Parameter",
    "AWSCloudFormation/latest/TemplateReference/aws-resource-ssm-parameter.html",
)
SECRETS = follows(
    "CloudFormation template reference, AWS::SecretsManager::Secret",
    "AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secret.html",
)
PARAMETER = """
Resources:
  Port:
    Type: AWS::SSM::Parameter
    Properties: {Name: /NAME/port, Type: TYPE, Value: VALUE, Description: the port, Tags: TAGS}
Outputs:
  Name: {Value: !Ref Port}
  Value: {Value: !GetAtt Port.Value}
"""
SECRET = """
Resources:
  Login:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: NAME
      Description: DESCRIPTION
      Tags: [{Key: team, Value: green}]
      GenerateSecretString:
        SecretStringTemplate: '{"user": "greeter"}'
        GenerateStringKey: password
        PasswordLength: 20
        ExcludePunctuation: true
Outputs:
  Arn: {Value: !Ref Login}
"""


def parameter(
    name: str, value: str = "8080", tags: str = "{team: green}", kind: str = "String"
) -> str:
    return (
        PARAMETER.replace("NAME", name)
        .replace("VALUE", f"'{value}'")
        .replace("TAGS", tags)
        .replace("TYPE", kind)
    )


@SETTING
def test_a_parameter_is_made_changed_and_removed(story: Any) -> None:
    ssm = story.world.client("ssm")
    name = f"/{story.name}/port"
    assert story.create(parameter(story.name)) == "CREATE_COMPLETE"
    assert story.outputs == {"Name": name, "Value": "8080"}
    assert ssm.get_parameter(Name=name)["Parameter"]["Type"] == "String"

    def tags() -> dict[str, str]:
        told = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
        return {each["Key"]: each["Value"] for each in told if not each["Key"].startswith("aws:")}

    assert tags() == {"team": "green"}
    assert story.update(parameter(story.name, "9090", "{env: test}")) == "UPDATE_COMPLETE"
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "9090"
    assert story.outputs["Value"] == "9090"
    assert tags() == {"env": "test"}
    assert story.delete() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=name)


@SETTING
def test_a_parameter_that_is_there_already_is_not_taken(story: Any) -> None:
    ssm = story.world.client("ssm")
    name = f"/{story.name}/port"
    ssm.put_parameter(Name=name, Type="String", Value="mine")
    story.world.kept(ssm.delete_parameter, Name=name)
    assert story.create(parameter(story.name)) == "ROLLBACK_COMPLETE"
    assert any("ParameterAlreadyExists" in line for line in story.news())
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "mine"


@SETTING
def test_a_secure_parameter_is_not_cloudformations_to_make(story: Any) -> None:
    assert story.create(parameter(story.name, kind="SecureString")) == "ROLLBACK_COMPLETE"
    assert any("SecureString is not one of" in line for line in story.news())


@SECRETS
def test_a_secret_is_generated_kept_and_removed(story: Any) -> None:
    secrets = story.world.client("secretsmanager")
    body = SECRET.replace("NAME", story.name)
    assert story.create(body.replace("DESCRIPTION", "one")) == "CREATE_COMPLETE"
    arn = story.outputs["Arn"]
    first = secrets.get_secret_value(SecretId=arn)["SecretString"]
    told = json.loads(first)
    assert (told["user"], len(told["password"])) == ("greeter", 20)
    assert told["password"].isalnum()

    assert story.update(body.replace("DESCRIPTION", "two")) == "UPDATE_COMPLETE"
    assert secrets.get_secret_value(SecretId=story.name)["SecretString"] == first
    described = secrets.describe_secret(SecretId=arn)
    assert described["Description"] == "two"
    assert {"Key": "team", "Value": "green"} in described["Tags"]

    given = body.replace("DESCRIPTION", "two").partition("      GenerateSecretString")[0]
    given += "      SecretString: given\n"
    assert story.update(given) == "UPDATE_COMPLETE"
    assert secrets.get_secret_value(SecretId=story.name)["SecretString"] == "given"
    assert story.delete() == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.describe_secret(SecretId=arn)
