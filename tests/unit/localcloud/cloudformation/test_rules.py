"""The section Rules as values: "Rule-specific intrinsic functions" of the template reference."""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.intrinsics import Context
from provisimus.localcloud.cloudformation.rules import Lookups, check, enforce

DECLARED: dict[str, dict[str, Any]] = {
    "Stage": {"Type": "String"},
    "Vpc": {"Type": "AWS::EC2::VPC::Id"},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
}
CONTEXT = Context({"Stage": "prod", "Vpc": "vpc-1", "Subnets": ["subnet-1", "subnet-2"]})
FACTS = {
    ("AWS::EC2::VPC::Id", "vpc-1", "Tags.Department"): "IT",
    ("AWS::EC2::Subnet::Id", "subnet-1", "VpcId"): "vpc-1",
    ("AWS::EC2::Subnet::Id", "subnet-2", "VpcId"): "vpc-2",
}
LOOKUPS = Lookups(
    all_of=lambda kind: ["vpc-1", "vpc-2"] if kind == "AWS::EC2::VPC::Id" else [],
    attribute=lambda kind, identifier, name: FACTS.get((kind, identifier, name)),
)
PROD = {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}
TEST = {"Fn::Equals": [{"Ref": "Stage"}, "test"]}
OF_SUBNETS = {"Fn::ValueOf": ["Subnets", "VpcId"]}


def rule(expression: Any, condition: Any = None) -> dict[str, Any]:
    made: dict[str, Any] = {"Assertions": [{"Assert": expression, "AssertDescription": "not so"}]}
    return {"R": made if condition is None else {**made, "RuleCondition": condition}}


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        (PROD, True),
        (TEST, False),
        ({"Fn::Not": [TEST]}, True),
        ({"Fn::And": [PROD, TEST]}, False),
        ({"Fn::Or": [PROD, TEST]}, True),
        ({"Fn::Contains": [["prod", "test"], {"Ref": "Stage"}]}, True),
        ({"Fn::Contains": [["dev"], {"Ref": "Stage"}]}, False),
        ({"Fn::Contains": [{"Ref": "Subnets"}, "subnet-2"]}, True),
        ({"Fn::EachMemberEquals": [OF_SUBNETS, "vpc-1"]}, False),
        ({"Fn::EachMemberEquals": [[1, "1"], 1]}, True),
        ({"Fn::EachMemberIn": [OF_SUBNETS, {"Fn::RefAll": "AWS::EC2::VPC::Id"}]}, True),
        ({"Fn::EachMemberIn": [OF_SUBNETS, ["vpc-1"]]}, False),
        ({"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Department"]}, "IT"]}, True),
        ({"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Other"]}, "IT"]}, False),
        ({"Fn::Contains": [{"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]}, "vpc-2"]}, True),
    ],
)
def test_an_assertion(expression: Any, holds: bool) -> None:
    rules = rule(expression)
    check(rules, DECLARED)
    if holds:
        enforce(rules, DECLARED, CONTEXT, LOOKUPS)
        return
    with pytest.raises(ValidationError, match="Template rule R failed: not so"):
        enforce(rules, DECLARED, CONTEXT, LOOKUPS)


def test_a_rule_whose_condition_does_not_hold_demands_nothing() -> None:
    enforce(rule(TEST, TEST), DECLARED, CONTEXT, LOOKUPS)
    with pytest.raises(ValidationError, match="not so"):
        enforce(rule(TEST, PROD), DECLARED, CONTEXT, LOOKUPS)


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"R": {}}, "a rule needs Assertions"),
        ({"R": {"Assertions": [PROD]}}, "every assertion needs an Assert"),
        ({"R": {"Assertions": [{"Assert": PROD, "Why": "x"}]}}, "has an Assert and an Assert"),
        ({"R": {"When": PROD, "Assertions": []}}, "may have a RuleCondition"),
        (rule({"Fn::If": ["a", PROD, TEST]}), "Function Fn::If in rule R is known to AWS"),
        (rule({"Fn::Equals": [{"Ref": "Group"}, "x"]}), "Ref Group is no parameter"),
        (rule({"Fn::Equals": [{"Fn::ValueOf": ["Group", "x"]}, "x"]}), "Fn::ValueOf needs"),
        (rule({"Fn::And": [PROD]}), "Fn::And needs two to ten conditions"),
        (rule({**PROD, "More": 1}), "a function stands alone"),
    ],
)
def test_what_is_no_rule(rules: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        check(rules, DECLARED)


@pytest.mark.parametrize(
    ("expression", "complaint"),
    [
        ({"Fn::Contains": ["x", "y"]}, "given no list"),
        ({"Ref": "Stage"}, "must be true or false"),
        ({"Fn::Not": []}, "Fn::Not in a rule has unusable arguments"),
        (
            {"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Size"]}, "x"]},
            "AWS::EC2::VPC::Id has no attribute Size",
        ),
    ],
)
def test_what_cannot_be_decided(expression: Any, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        enforce(rule(expression), DECLARED, CONTEXT, LOOKUPS)
