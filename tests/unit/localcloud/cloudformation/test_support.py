"""What is refused by name before anything is made."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.localcloud.cloudformation import support
from provisimus.localcloud.cloudformation.errors import InsufficientCapabilities, ValidationError
from provisimus.localcloud.cloudformation.template import parse

HONOURED = frozenset({"Name", "List/*/Key", "Deep/Inner/Leaf", "Policy/**", "Ids/*"})


@pytest.mark.parametrize(
    ("properties", "refused"),
    [
        ({"Name": "x", "List": [{"Key": 1}], "Ids": ["a"]}, []),
        ({"Other": 1}, ["Other"]),
        ({"List": [{"Key": 1, "Value": 2}]}, ["List/*/Value"]),
        ({"Deep": {"Inner": {"Leaf": 1, "Stem": 2}}}, ["Deep/Inner/Stem"]),
        ({"Policy": {"Any": [{"Thing": 1}]}}, []),
        ({"Deep": {"Ref": "P"}, "List": {"Ref": "P"}, "Ids": {"Fn::Split": [",", "a"]}}, []),
        ({"Other": {"Ref": "P"}}, ["Other"]),
        ({"Deep": {"Fn::If": ["C", {"Inner": {"Stem": 1}}, {"Ref": "P"}]}}, ["Deep/Inner/Stem"]),
        ({"Name": {"Fn::If": ["C", "x", {"Ref": "AWS::NoValue"}]}}, []),
    ],
)
def test_properties_that_no_handler_honours(properties: dict[str, Any], refused: list[str]) -> None:
    assert support.unhonoured(properties, HONOURED) == refused


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "{Type: AWS::SQS::Queue}",
            "Resource type AWS::SQS::Queue is known to AWS, not to this local cloud",
        ),
        (
            "{Type: AWS::Mars::Rock}",
            "Template format error: Unrecognized resource types: [AWS::Mars::Rock]",
        ),
        (
            "{Type: AWS::EC2::Volume, Properties: {MultiAttachEnabled: true}}",
            (
                "Property MultiAttachEnabled of AWS::EC2::Volume (resource A) is known to AWS, not "
                "to this local cloud"
            ),
        ),
        (
            "{Type: AWS::EC2::Instance, Properties: {BlockDeviceMappings: [{Ebs: {Iops: 1}}]}}",
            (
                "Property BlockDeviceMappings/*/Ebs/Iops of AWS::EC2::Instance (resource A) is "
                "known to AWS, not to this local cloud"
            ),
        ),
        (
            "{Type: AWS::EC2::Volume, Properties: {Sise: 1}}",
            "Encountered unsupported property Sise in resource A (AWS::EC2::Volume)",
        ),
        (
            "{Type: AWS::EC2::Instance, DeletionPolicy: Snapshot}",
            (
                "Template error: resource type AWS::EC2::Instance does not support deletion policy "
                "Snapshot"
            ),
        ),
    ],
)
def test_what_this_cloud_has_not_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        support.check(parse(f"Resources: {{A: {text}}}"))
    assert str(caught.value) == complaint


def test_attributes_are_checked_before_anything_is_made() -> None:
    text = "Resources: {A: {Type: AWS::EC2::Instance}}\nOutputs: {O: {Value: !GetAtt A.Colour}}"
    with pytest.raises(ValidationError, match="resource A does not support attribute type Colour"):
        support.check(parse(text))


@pytest.mark.parametrize(
    ("properties", "given", "needed"),
    [
        ("{}", [], "CAPABILITY_IAM"),
        ("{}", ["CAPABILITY_IAM"], None),
        ("{}", ["CAPABILITY_NAMED_IAM"], None),
        ("{RoleName: x}", ["CAPABILITY_IAM"], "CAPABILITY_NAMED_IAM"),
        ("{RoleName: x}", ["CAPABILITY_NAMED_IAM"], None),
    ],
)
def test_iam_must_be_acknowledged(properties: str, given: list[str], needed: str | None) -> None:
    template = parse(f"Resources: {{A: {{Type: AWS::IAM::Role, Properties: {properties}}}}}")
    if needed is None:
        support.check_capabilities(template, given)
        return
    with pytest.raises(InsufficientCapabilities) as caught:
        support.check_capabilities(template, given)
    assert str(caught.value) == f"Requires capabilities : [{needed}]"
