"""The examples of the CloudFormation user guide, "Prevent updates to stack resources"."""

from __future__ import annotations

import json
from typing import Any

import pytest

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.stack_policy import check, parse, refusal

INSTANCE = "AWS::EC2::Instance"


def statement(effect: str, **more: Any) -> dict[str, Any]:
    given = {"Effect": effect, "Principal": "*", "Action": "Update:*", "Resource": "*"}
    if "NotAction" in more:
        del given["Action"]
    if "NotResource" in more:
        del given["Resource"]
    return {**given, **more}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Statement": list(statements)})


ALL = statement("Allow")
NO_REPLACE = statement(
    "Deny", Action=["Update:Replace", "Update:Delete"], Resource="LogicalResourceId/A"
)
EC2 = {"StringLike": {"ResourceType": ["AWS::EC2::*"]}}
EXACT = {"StringEquals": {"ResourceType": "AWS::EC2::*"}}


@pytest.mark.parametrize(
    ("text", "action", "name", "reason"),
    [
        (None, "Update:Replace", "A", None),
        (policy(ALL), "Update:Delete", "A", None),
        (policy(), "Update:Modify", "A", "Action not allowed by stack policy"),
        (
            policy(ALL, NO_REPLACE),
            "Update:Replace",
            "A",
            (
                "Action denied by stack policy: Statement [#1] does not allow [Update:Replace, "
                "Update:Delete] for resource [LogicalResourceId/A];"
            ),
        ),
        (policy(NO_REPLACE, ALL), "Update:Modify", "A", None),
        (policy(NO_REPLACE, ALL), "Update:Replace", "AB", None),
        (
            policy(statement("Allow", NotResource="LogicalResourceId/A")),
            "Update:Modify",
            "A",
            "Action not allowed by stack policy",
        ),
        (policy(statement("Allow", NotResource="LogicalResourceId/A")), "Update:Modify", "B", None),
        (
            policy(statement("Allow", NotAction="Update:Delete")),
            "Update:Delete",
            "A",
            "Action not allowed by stack policy",
        ),
        (policy(statement("Allow", NotAction="Update:Delete")), "Update:Replace", "A", None),
        (
            policy(ALL, statement("Deny", Resource=["LogicalResourceId/Data*"])),
            "Update:Modify",
            "DataOne",
            (
                "Action denied by stack policy: Statement [#1] does not allow [Update:*] for "
                "resource [LogicalResourceId/Data*];"
            ),
        ),
        (
            policy(ALL, statement("Deny", Condition=EC2)),
            "Update:Modify",
            "A",
            (
                "Action denied by stack policy: Statement [#1] does not allow [Update:*] for "
                "resource [*];"
            ),
        ),
        (policy(ALL, statement("Deny", Condition=EXACT)), "Update:Modify", "A", None),
    ],
)
def test_what_a_policy_refuses(text: str | None, action: Any, name: str, reason: str) -> None:
    assert refusal(text, action, name, INSTANCE) == reason


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("no json", "not JSON"),
        ("[]", "it has no Statement"),
        (json.dumps({"Statement": 1}), "Statement is no list"),
        (json.dumps({"Statement": [], "Rules": 1}), "unknown: Rules"),
        (policy({"Effect": "Allow"}), "statement #0: Principal must be *"),
        (policy(statement("Maybe")), "Effect must be Allow or Deny"),
        (policy(ALL, statement("Deny", Action="Update:Create")), "statement #1: no such action"),
        (policy(statement("Deny", Resource="A")), "a resource is * or LogicalResourceId/NAME"),
        (
            policy({**ALL, "NotResource": "*"}),
            "exactly one of Resource and NotResource is needed",
        ),
        (policy(statement("Deny", Condition={"StringNotLike": {}})), "StringEquals and StringLike"),
        (policy(statement("Deny", Condition={"StringLike": {"Size": 1}})), "for ResourceType"),
        (policy(statement("Deny", When="now")), "unknown: When"),
    ],
)
def test_what_is_no_policy(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match="Error validating stack policy") as caught:
        parse(text)
    assert why in caught.value.message


def test_a_policy_is_at_most_so_long() -> None:
    with pytest.raises(ValidationError, match="less than or equal to 16384"):
        parse(" " * 16_385)


def test_a_policy_speaks_of_resources_that_there_are() -> None:
    check(policy(statement("Deny", Resource="LogicalResourceId/X*")), ["A"])
    check(policy(statement("Deny", Resource="LogicalResourceId/A")), ["A"])
    with pytest.raises(ValidationError, match="Unknown logical id 'LogicalResourceId/X'"):
        check(policy(statement("Deny", Resource="LogicalResourceId/X")), ["A"])
