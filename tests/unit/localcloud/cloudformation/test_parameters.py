"""Which value a parameter has, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.parameters import ParameterValue, resolve

KNOWN = {("AWS::EC2::Image::Id", "ami-1")}


def values(declared: dict[str, Any], given: dict[str, str], **more: Any) -> dict[str, Any]:
    found = resolve(
        declared,
        given,
        ssm={"/ami": "ami-1"}.__getitem__,
        exists=lambda kind, value: (kind, value) in KNOWN,
        **more,
    )
    return {key: each.value for key, each in found.items()}


def test_given_beats_default_and_lists_are_split() -> None:
    declared = {
        "A": {"Type": "String", "Default": "x"},
        "B": {"Type": "Number", "Default": 3},
        "C": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "D": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/ami"},
    }
    assert values(declared, {"A": "y"}) == {"A": "y", "B": "3", "C": ["a", "b"], "D": "ami-1"}


def test_previous_values_are_used_where_asked() -> None:
    declared = {"A": {"Type": "String", "Default": "new"}}
    before = {"A": ParameterValue("A", "old")}
    assert values(declared, {}, reused=frozenset({"A"}), previous=before) == {"A": "old"}
    with pytest.raises(ValidationError, match="Cannot specify usePreviousValue"):
        values(declared, {}, reused=frozenset({"A"}))


def test_secrets_are_masked_and_used() -> None:
    found = resolve(
        {"A": {"Type": "String", "NoEcho": True}},
        {"A": "hush"},
        ssm=str,
        exists=lambda *_: True,
    )["A"]
    assert (found.value, found.shown) == ("hush", "****")


@pytest.mark.parametrize(
    ("declaration", "given", "complaint"),
    [
        ({"Type": "String"}, {}, "Parameters: [P] must have values"),
        ({"Type": "String"}, {"P": "x", "Q": "y"}, "Parameters: [Q] do not exist in the template"),
        ({"Type": "Number"}, {"P": "x"}, "Parameter 'P' must be a number"),
        (
            {"Type": "Number", "MinValue": 3},
            {"P": "2"},
            "Parameter 'P' must be a number not less than 3",
        ),
        (
            {"Type": "Number", "MaxValue": 3},
            {"P": "4"},
            "Parameter 'P' must be a number not greater than 3",
        ),
        (
            {"Type": "String", "AllowedValues": ["a", 1]},
            {"P": "c"},
            "Parameter 'P' must be one of AllowedValues",
        ),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+"},
            {"P": "A"},
            "Parameter 'P' must match pattern [a-z]+",
        ),
        (
            {"Type": "String", "AllowedPattern": "[a-z]+", "ConstraintDescription": "lower case"},
            {"P": "A"},
            "Parameter P failed to satisfy constraint: lower case",
        ),
        (
            {"Type": "String", "MinLength": 2},
            {"P": "x"},
            "Parameter 'P' must contain at least 2 characters",
        ),
        (
            {"Type": "String", "MaxLength": 2},
            {"P": "xyz"},
            "Parameter 'P' must contain at most 2 characters",
        ),
        (
            {"Type": "AWS::EC2::Image::Id"},
            {"P": "ami-2"},
            (
                "Parameter validation failed: parameter value ami-2 for parameter name P does not "
                "exist"
            ),
        ),
        (
            {"Type": "List<AWS::EC2::Image::Id>"},
            {"P": "ami-1,ami-2"},
            (
                "Parameter validation failed: parameter value ami-2 for parameter name P does not "
                "exist"
            ),
        ),
        (
            {"Type": "AWS::Mars::Rock::Id"},
            {"P": "x"},
            "Parameter type AWS::Mars::Rock::Id is known to AWS, not to this local cloud",
        ),
    ],
)
def test_refusals(declaration: dict[str, Any], given: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        values({"P": declaration}, given)
    assert str(caught.value) == complaint
