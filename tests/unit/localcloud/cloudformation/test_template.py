"""Reading templates: short tags, wording of refusals, references, dependency order."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.references import references
from provisimus.localcloud.cloudformation.template import (
    dependency_order,
    parse,
)

ONE = "Resources: {A: {Type: T}}"


def test_short_tags_mean_what_the_long_forms_mean() -> None:
    short = """
    Conditions: {Big: !Equals [!Ref Size, big]}
    Parameters: {Size: {Type: String}}
    Resources:
      A: {Type: T}
      B:
        Type: T
        Condition: Big
        Properties:
          Ref: !Ref A
          Dotted: !GetAtt A.Endpoint.Port
          Listed: !GetAtt [A, Arn]
          Text: !Sub "${A}-${AWS::Region}"
          Mapped: !Sub ["${x}", {x: !Ref A}]
          Nested: !Select [0, !Split [",", !Join [",", [a, !Ref A]]]]
          Chosen: !If [Big, !Ref A, !Ref "AWS::NoValue"]
          Coded: !Base64 {"Fn::Sub": "${A}"}
    """
    template = parse(short)
    assert template.conditions == {"Big": {"Fn::Equals": [{"Ref": "Size"}, "big"]}}
    assert template.resources["B"].properties == {
        "Ref": {"Ref": "A"},
        "Dotted": {"Fn::GetAtt": ["A", "Endpoint.Port"]},
        "Listed": {"Fn::GetAtt": ["A", "Arn"]},
        "Text": {"Fn::Sub": "${A}-${AWS::Region}"},
        "Mapped": {"Fn::Sub": ["${x}", {"x": {"Ref": "A"}}]},
        "Nested": {
            "Fn::Select": [0, {"Fn::Split": [",", {"Fn::Join": [",", ["a", {"Ref": "A"}]]}]}]
        },
        "Chosen": {"Fn::If": ["Big", {"Ref": "A"}, {"Ref": "AWS::NoValue"}]},
        "Coded": {"Fn::Base64": {"Fn::Sub": "${A}"}},
    }


def test_dates_stay_text_and_json_is_read() -> None:
    assert parse("Resources: {A: {Type: T, Properties: {Version: 2012-10-17}}}").resources[
        "A"
    ].properties == {"Version": "2012-10-17"}
    assert parse(json.dumps({"Resources": {"A": {"Type": "T"}}})).resources["A"].type == "T"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Resources: {}", "Template format error: At least one Resources member must be defined."),
        ("a: [", "Template format error: YAML not well-formed. (line 2, column 1)"),
        ('{"a": }', "Template format error: JSON not well-formed. (line 1, column 7)"),
        ("just text", "Template format error: unsupported structure."),
        (ONE + "\nResource: {}", "Invalid template property or properties [Resource]"),
        (
            "Resources: {A: {}}",
            (
                "Template format error: [/Resources/A] Every Resources object must contain a Type "
                "member."
            ),
        ),
        (
            "Resources: {A-1: {Type: T}}",
            "Template format error: Resource name A-1 is non alphanumeric.",
        ),
        (
            "Resources: {A: {Type: T, Props: {}}}",
            "Invalid template resource property 'Props'",
        ),
        (
            "Resources: {A: {Type: T, DeletionPolicy: Keep}}",
            "Template format error: Unrecognized DeletionPolicy Keep",
        ),
        (
            "Resources: {A: {Type: T, Properties: {X: !Ref B}}}",
            (
                "Template format error: Unresolved resource dependencies [B] in the Resources "
                "block of the template"
            ),
        ),
        (
            ONE + "\nOutputs: {O: {Value: !GetAtt C.Arn}}",
            "Template error: instance of Fn::GetAtt references undefined resource C",
        ),
        (
            ONE + "\nOutputs: {O: {Value: !Sub '${C.Arn}'}}",
            (
                "Template format error: Unresolved resource dependencies [C] in the Outputs block "
                "of the template"
            ),
        ),
        (
            ONE + "\nOutputs: {O: {Value: !If [C, a, b]}}",
            (
                "Template format error: Unresolved condition dependency C in the Outputs block "
                "of the template"
            ),
        ),
        (
            ONE + "\nOutputs: {O: {Value: a, Condition: C}}",
            (
                "Template format error: Unresolved condition dependency C in the Outputs block "
                "of the template"
            ),
        ),
        (
            "Resources: {A: {Type: T, DependsOn: B}, B: {Type: T, DependsOn: A}}",
            "Circular dependency between resources: [A, B]",
        ),
        (
            "Resources: {A: {Type: T}, A: {Type: T}}",
            "Template format error: YAML not well-formed. (duplicate key A, line 1)",
        ),
        (
            "Transform: AWS::Serverless-2016-10-31\n" + ONE,
            "Template section Transform is known to AWS, not to this local cloud",
        ),
        (
            "Resources: {A: {Type: T, UpdatePolicy: []}}",
            "Template format error: [/Resources/A/UpdatePolicy] 'expected object'.",
        ),
        (
            "Resources: {A: {Type: T, CreationPolicy: {StartFleet: true}}}",
            ("CreationPolicy/StartFleet of resource A is known to AWS, not to this local cloud"),
        ),
        (
            "Parameters: {P: {Default: 1}}\n" + ONE,
            (
                "Template format error: [/Parameters/P] Every Parameters object must contain a "
                "Type member."
            ),
        ),
    ],
)
def test_bad_templates_are_refused_in_words(text: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse(text)
    assert str(caught.value) == complaint


def test_references_are_found_wherever_they_stand() -> None:
    value = {
        "a": [{"Ref": "A"}],
        "b": {"Fn::Sub": ["${B.Arn} ${!Literal} ${own}", {"own": {"Ref": "C"}}]},
        "c": {"Fn::If": ["x", {"Fn::GetAtt": ["D", "Arn"]}, {"Ref": "AWS::NoValue"}]},
    }
    assert sorted(references(value), key=str) == [
        ("A", None),
        ("AWS::NoValue", None),
        ("B", "Arn"),
        ("C", None),
        ("D", "Arn"),
    ]


@settings(deadline=None)
@given(st.data())
def test_order_puts_what_is_needed_first_and_otherwise_keeps_the_order(data: st.DataObject) -> None:
    size = data.draw(st.integers(0, 12))
    names = [f"R{index}" for index in range(size)]
    hidden = data.draw(st.permutations(names))
    needs = {
        name: data.draw(st.sets(st.sampled_from(hidden[: hidden.index(name)])))
        if hidden.index(name)
        else set()
        for name in names
    }
    order = dependency_order(needs)
    assert sorted(order) == sorted(names)
    for name in names:
        assert all(order.index(need) < order.index(name) for need in needs[name])
    if not any(needs.values()):
        assert list(order) == names
