"""Templates as people write them."""

import pytest

from provisimus.errors import InvalidDefinitions
from provisimus.stacks.short_forms import read_template

TEXT = """
AWSTemplateFormatVersion: 2010-09-09
Conditions: {Big: !Equals [!Ref Size, big]}
Resources:
  A:
    Type: AWS::SQS::Queue
    Condition: Big
    Properties:
      QueueName: !Sub '${AWS::StackName}-a'
      KmsMasterKeyId: !GetAtt Key.Nested.Arn
      Tags: !If [Big, [{Key: a, Value: !Join ['-', [a, !Ref B]]}], !Ref AWS::NoValue]
      Other: !And [!Condition Big, !Condition Big]
      Map: !Transform {Name: x, Parameters: {y: !Ref z}}
"""


def test_short_forms_become_long_ones() -> None:
    found = read_template(TEXT, "a.yaml")
    assert found["AWSTemplateFormatVersion"] == "2010-09-09"
    assert found["Conditions"] == {"Big": {"Fn::Equals": [{"Ref": "Size"}, "big"]}}
    assert found["Resources"]["A"]["Properties"] == {
        "QueueName": {"Fn::Sub": "${AWS::StackName}-a"},
        "KmsMasterKeyId": {"Fn::GetAtt": ["Key", "Nested.Arn"]},
        "Tags": {
            "Fn::If": [
                "Big",
                [{"Key": "a", "Value": {"Fn::Join": ["-", ["a", {"Ref": "B"}]]}}],
                {"Ref": "AWS::NoValue"},
            ]
        },
        "Other": {"Fn::And": [{"Condition": "Big"}, {"Condition": "Big"}]},
        "Map": {"Fn::Transform": {"Name": "x", "Parameters": {"y": {"Ref": "z"}}}},
    }


def test_json_is_read_too() -> None:
    assert read_template('{"Resources":\n\t{"A": {"Type": "x"}}}', "a.json") == {
        "Resources": {"A": {"Type": "x"}}
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "a.yaml:1: this is no template"),
        ("[]", "it has no resources"),
        ("Resources: \x07", "this is no template: .*special characters"),
        ("Resources: 1", "it has no resources"),
        ("Resources: {A: {}}", "Resources/A: A is no resource with a type"),
        ("Resources: {'Fn::ForEach::A': [b, [c], {}]}", "Fn::ForEach::A is no resource"),
        ("!!python/object/apply:os.system [ls]", "this is no template: could not determine"),
    ],
)
def test_what_is_none_is_told(text: str, said: str) -> None:
    with pytest.raises(InvalidDefinitions, match=said):
        read_template(text, "a.yaml")
