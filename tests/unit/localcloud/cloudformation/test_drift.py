"""Differences between what a template says and what is there, as values.

Follows the API reference of PropertyDifference and the user guide's considerations on drift.
"""

from __future__ import annotations

from typing import Any

import pytest

from provisimus.localcloud.cloudformation.drift import (
    comparable,
    differences,
    shown,
    whole,
    without_foreign_tags,
)
from provisimus.localcloud.cloudformation.schemas import schema_of

GROUP, ROLE, INSTANCE = (
    schema_of(f"AWS::{name}") for name in ("EC2::SecurityGroup", "IAM::Role", "EC2::Instance")
)
HTTP = {"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "CidrIp": "0.0.0.0/0"}
SSH = {**HTTP, "FromPort": 22, "ToPort": 22}


def tags(**values: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in values.items()]


def document(**more: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **more}]}


def device(**ebs: Any) -> list[dict[str, Any]]:
    return [{"DeviceName": "/dev/sda1", "Ebs": ebs}]


@pytest.mark.parametrize(
    ("schema", "name", "expected", "live", "found"),
    [
        (GROUP, "GroupDescription", "a", "a", []),
        (GROUP, "GroupDescription", "a", "b", [("", "a", "b", "NOT_EQUAL")]),
        (GROUP, "GroupName", "a", None, [("", "a", "null", "REMOVE")]),
        (INSTANCE, "Monitoring", True, False, [("", "true", "false", "NOT_EQUAL")]),
        (GROUP, "Tags", tags(a="1", b="2"), tags(b="2", a="1"), []),
        (GROUP, "Tags", tags(a="1", b="2"), tags(b="3", a="1"),
         [("/1/Value", "2", "3", "NOT_EQUAL")]),
        (
            GROUP,
            "Tags",
            tags(a="1"),
            tags(c="1"),
            [
                ("/0", '{"Key": "a", "Value": "1"}', "null", "REMOVE"),
                ("/0", "null", '{"Key": "c", "Value": "1"}', "ADD"),
            ],
        ),
        (GROUP, "SecurityGroupIngress", [HTTP, SSH], [SSH, HTTP], []),
        (
            GROUP,
            "SecurityGroupIngress",
            [HTTP, SSH],
            [SSH, {**HTTP, "ToPort": 81}],
            [
                ("/0", shown(HTTP), "null", "REMOVE"),
                ("/1", "null", shown({**HTTP, "ToPort": 81}), "ADD"),
            ],
        ),
        (
            GROUP,
            "SecurityGroupIngress",
            [HTTP],
            [{**HTTP, "ToPort": 81}],
            [("/0/ToPort", "80", "81", "NOT_EQUAL")],
        ),
        (ROLE, "ManagedPolicyArns", ["a", "b"], ["b"], [("/0", "a", "null", "REMOVE")]),
        (ROLE, "AssumeRolePolicyDocument", document(), document(), []),
        (
            ROLE,
            "AssumeRolePolicyDocument",
            document(),
            document(Condition={}),
            [("/Statement/0/Condition", "null", "{}", "ADD")],
        ),
        (INSTANCE, "MetadataOptions", {"HttpTokens": "required"},
         {"HttpTokens": "required", "HttpEndpoint": "enabled"}, []),
        (INSTANCE, "BlockDeviceMappings", device(KmsKeyId="a", VolumeSize=8),
         device(KmsKeyId="b", VolumeSize=8, Encrypted=True), []),
        (INSTANCE, "BlockDeviceMappings", device(VolumeSize=8), device(VolumeSize=9),
         [("/0/Ebs/VolumeSize", "8", "9", "NOT_EQUAL")]),
    ],
)  # fmt: skip
def test_differences_of_a_property(
    schema: Any, name: str, expected: Any, live: Any, found: list[tuple[str, str, str, str]]
) -> None:
    told = [
        (each.path.removeprefix(f"/{name}"), each.expected, each.actual, each.kind)
        for each in differences({name: expected}, {name: live}, schema)
    ]
    assert told == found


def test_only_what_is_named_and_told_and_no_secret_is_compared() -> None:
    expected = {"A": 1, "B": 2, "KmsKeyId": "k", "C": "{{resolve:ssm:x}}", "D": ["{{resolve:a:b}}"]}
    live = {"A": 1, "KmsKeyId": "l", "C": "x", "D": ["y"], "E": 5}
    assert comparable(expected, live) == ({"A": 1}, {"A": 1})


def test_tags_that_others_put_there_are_not_the_resources_own() -> None:
    live = {
        "Tags": tags(**{"aws:cloudformation:stack-name": "s", "team": "x", "own": "1", "new": "1"})
    }
    given = {"team": "x", "own": "1"}
    own = {"Tags": tags(own="1")}
    assert without_foreign_tags(live, own, given, "Tags") == {"Tags": tags(own="1", new="1")}
    maps = {"Tags": {"aws:x": "1", "team": "x", "own": "2"}}
    assert without_foreign_tags(maps, {"Tags": {"own": "1"}}, given, "Tags") == {
        "Tags": {"own": "2"}
    }
    assert without_foreign_tags({"A": 1}, {}, given, None) == {"A": 1}


def test_what_is_not_told_is_not_there_unless_it_is_named_as_untold() -> None:
    expected = {"Description": "x", "Tags": [1], "Empty": "", "Password": "y"}
    honoured = ("Description", "Empty", "Password", "Tags/*/Key", "Name")
    live = whole(expected, {"Name": "n"}, honoured, ("Password",))
    assert live == {"Description": None, "Empty": None, "Tags": [], "Name": "n"}
