"""Data Lifecycle Manager: policies that take snapshots by tag."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import operation

TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "dlm.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


@pytest.fixture
def dlm(world: Any) -> Any:
    return world.client("dlm")


@pytest.fixture
def asked(world: Any) -> dict[str, Any]:
    """A policy that is off, so that it takes nothing."""
    iam, name = world.client("iam"), world.name("role")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    world.kept(iam.delete_role, RoleName=name)
    schedule = {
        "Name": "daily",
        "CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["03:00"]},
        "RetainRule": {"Count": 2},
    }  # fmt: skip
    return {
        "ExecutionRoleArn": role["Role"]["Arn"], "Description": "a case's", "State": "DISABLED",
        "Tags": {"conformance": world.target.run},
        "PolicyDetails": {
            "PolicyType": "EBS_SNAPSHOT_MANAGEMENT", "ResourceTypes": ["VOLUME"],
            "TargetTags": [{"Key": "conformance", "Value": name}], "Schedules": [schedule],
        },
    }  # fmt: skip


@operation("Data Lifecycle Manager", "CreateLifecyclePolicy")
@operation("Data Lifecycle Manager", "GetLifecyclePolicies")
def test_a_policy_lives(world: Any, dlm: Any, asked: dict[str, Any]) -> None:
    made = dlm.create_lifecycle_policy(**asked)["PolicyId"]
    world.kept(dlm.delete_lifecycle_policy, PolicyId=made)
    told = dlm.get_lifecycle_policy(PolicyId=made)["Policy"]
    assert (told["State"], told["Description"]) == ("DISABLED", "a case's")
    assert told["Tags"] == asked["Tags"]
    assert told["PolicyArn"].endswith(f":policy/{made}")
    [schedule] = told["PolicyDetails"]["Schedules"]
    assert schedule["RetainRule"]["Count"] == 2
    tag = asked["PolicyDetails"]["TargetTags"][0]
    [listed] = dlm.get_lifecycle_policies(TargetTags=[f"{tag['Key']}={tag['Value']}"])["Policies"]
    assert listed["PolicyId"] == made
    dlm.update_lifecycle_policy(PolicyId=made, Description="another")
    assert dlm.get_lifecycle_policy(PolicyId=made)["Policy"]["Description"] == "another"
    dlm.delete_lifecycle_policy(PolicyId=made)
    assert refused(dlm.get_lifecycle_policy, PolicyId=made)[0] == "ResourceNotFoundException"


@operation("Data Lifecycle Manager", "CreateLifecyclePolicy")
@pytest.mark.parametrize(
    "wrong",
    [
        {"CreateRule": {"Interval": 5, "IntervalUnit": "HOURS"}},
        {"RetainRule": {"Count": 1001}},
        {"CreateRule": {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["3 o'clock"]}},
    ],
)
def test_schedules_that_cannot_be(dlm: Any, asked: dict[str, Any], wrong: dict[str, Any]) -> None:
    schedule = {**asked["PolicyDetails"]["Schedules"][0], **wrong}
    details = {**asked["PolicyDetails"], "Schedules": [schedule]}
    code = refused(dlm.create_lifecycle_policy, **{**asked, "PolicyDetails": details})[0]
    assert code == "InvalidRequestException"


@operation("Data Lifecycle Manager", "GetLifecyclePolicy")
def test_what_there_is_not(dlm: Any) -> None:
    unknown = {"PolicyId": "policy-0123456789abcdef0"}
    for call in (dlm.get_lifecycle_policy, dlm.delete_lifecycle_policy):
        assert refused(call, **unknown)[0] == "ResourceNotFoundException"
