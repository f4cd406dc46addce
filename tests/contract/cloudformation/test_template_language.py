"""What of the template language is refused by name before anything is made."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

GROUP = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "x"}}


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ({"Transform": "AWS::Serverless-2016-10-31"}, "Template section Transform is known to AWS"),
        ({"Hooks": {"A": {}}}, "Template section Hooks is known to AWS"),
        (
            {"Resources": {"Fn::ForEach::Loop": ["X", ["a"], {"A${X}": GROUP}]}},
            "Function Fn::ForEach::Loop is known to AWS, not to this local cloud",
        ),
        (
            {"Resources": {"A": GROUP}, "Outputs": {"Fn::ForEach::Loop": ["X", ["a"], {}]}},
            "Function Fn::ForEach::Loop is known to AWS, not to this local cloud",
        ),
        (
            {"Resources": {"A": {**GROUP, "Properties": {"Fn::Transform": {"Name": "M"}}}}},
            "Function Fn::Transform is known to AWS, not to this local cloud",
        ),
        (
            {
                "Resources": {"A": GROUP},
                "Outputs": {"A": {"Value": {"Fn::Length": ["a"]}}},
            },
            "Function Fn::Length is known to AWS, not to this local cloud",
        ),
        (
            {"Resources": {"A": {"Type": "AWS::CloudFormation::Stack"}}},
            "Resource type AWS::CloudFormation::Stack is known to AWS, not to this local cloud",
        ),
        (
            {"Resources": {"A": {"Type": "AWS::CloudFormation::Macro"}}},
            "Resource type AWS::CloudFormation::Macro is known to AWS, not to this local cloud",
        ),
    ],
)
def test_what_a_template_may_not_say(story: Any, template: dict[str, Any], complaint: str) -> None:
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
