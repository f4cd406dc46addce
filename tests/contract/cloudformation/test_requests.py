"""What is looked for inside of the engine, and what it refuses by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = """
Resources:
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: x, Tags: TAGS}}
"""


def group(tags: str = "[]") -> str:
    return GROUP.replace("TAGS", tags)


def test_a_busy_stack_refuses(story: Any, service: str) -> None:
    api = story.world.cloudformation
    story.world.faults.pending.set()
    change = story.change(service, "CREATE")
    api.execute_change_set(ChangeSetName=change["ChangeSetId"])
    with pytest.raises(ClientError, match="is in CREATE_IN_PROGRESS state and can not be updated"):
        story.change(service)
    with pytest.raises(ClientError, match="already exists and cannot be created again"):
        story.change(service, "CREATE")


def test_a_secret_is_not_kept(story: Any) -> None:
    secrets = story.world.client("secretsmanager")
    secrets.create_secret(Name=story.name, SecretString=json.dumps({"word": "sesame"}))
    word = f"{{{{resolve:secretsmanager:{story.name}:SecretString:word}}}}"
    assert story.create(group(f'[{{Key: word, Value: "{word}"}}]')) == "CREATE_COMPLETE"
    found = story.world.ec2.describe_security_groups(GroupIds=[story.physical("Group")])
    assert {"Key": "word", "Value": "sesame"} in found["SecurityGroups"][0]["Tags"]
    assert "sesame" not in story.world.engine.save()


@pytest.mark.parametrize(
    ("call", "arguments", "complaint"),
    [
        ("list_stack_sets", {}, "Operation ListStackSets"),
        (
            "create_stack",
            {
                "StackName": "x",
                "TemplateBody": group(),
                "StackPolicyURL": "https://example.com/policy",
            },
            "Request parameter StackPolicyURL",
        ),
        (
            "create_stack",
            {
                "StackName": "x",
                "TemplateBody": group().replace(
                    "Properties", "CreationPolicy: {ResourceSignal: {Count: 1}}, Properties"
                ),
            },
            "CreationPolicy of AWS::EC2::SecurityGroup (resource",
        ),
    ],
)
def test_what_is_refused_by_name(
    story: Any, call: str, arguments: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(story.world.cloudformation, call)(**arguments)
    assert complaint in caught.value.response["Error"]["Message"]
    assert caught.value.response["Error"]["Code"] == "ValidationError"


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
