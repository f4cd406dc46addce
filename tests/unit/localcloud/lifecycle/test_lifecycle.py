"""Lifecycle policies: what they may say, when they are due, what they keep."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from provisimus.localcloud.lifecycle.policies import Policies
from provisimus.localcloud.lifecycle.rules import RefusedError, check
from provisimus.localcloud.lifecycle.runner import POLICY, Runner
from provisimus.localcloud.lifecycle.times import Taken, is_due, outdated

DAILY = {"Interval": 24, "IntervalUnit": "HOURS", "Times": ["03:30"]}
SCHEDULE = {"Name": "daily", "CreateRule": DAILY, "RetainRule": {"Count": 2}, "CopyTags": True}


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-{text}+00:00")


def policy(details: dict[str, Any] | None = None, **schedule: Any) -> dict[str, Any]:
    return {
        "ExecutionRoleArn": "arn:aws:iam::1:role/dlm",
        "Description": "data",
        "State": "ENABLED",
        "PolicyDetails": {
            "PolicyType": "EBS_SNAPSHOT_MANAGEMENT",
            "ResourceTypes": ["VOLUME"],
            "TargetTags": [{"Key": "keep", "Value": "yes"}],
            "Schedules": [{**SCHEDULE, **schedule}],
            **(details or {}),
        },
    }


@pytest.mark.parametrize(
    ("rule", "after", "now", "due"),
    [
        (DAILY, "01T03:00", "01T03:29", False),
        (DAILY, "01T03:00", "01T03:30", True),
        (DAILY, "01T03:30", "01T20:00", False),
        (DAILY, "01T03:30", "02T03:31", True),
        (DAILY, "01T04:00", "09T01:00", True),  # missed, made up for
        ({**DAILY, "Interval": 8}, "01T03:30", "01T11:29", False),
        ({**DAILY, "Interval": 8}, "01T03:30", "01T11:30", True),
        ({**DAILY, "Interval": 8}, "01T19:30", "02T03:30", True),
        ({**DAILY, "Interval": 12, "Times": ["20:00"]}, "01T21:00", "02T08:00", True),
        ({"Interval": 24}, "01T08:00", "01T09:00", True),
    ],
)
def test_when_it_is_due(rule: Any, after: str, now: str, due: bool) -> None:
    assert is_due(rule, at(after), at(now)) is due


def test_what_is_kept() -> None:
    taken = [Taken(f"snap-{day}", at(f"0{day}T03:30")) for day in (3, 1, 2)]
    assert outdated({"Count": 2}, taken, at("04T00:00")) == ("snap-1",)
    assert outdated({"Count": 9}, taken, at("04T00:00")) == ()
    aged = {"Interval": 2, "IntervalUnit": "DAYS"}
    assert outdated(aged, taken, at("03T03:30")) == ()
    assert outdated(aged, taken, at("04T04:00")) == ("snap-1", "snap-2")


@pytest.mark.parametrize(
    "wrong",
    [
        {**policy(), "Description": ""},
        {**policy(), "State": "ON"},
        {**policy(), "DefaultPolicy": "VOLUME"},
        policy({"PolicyType": "IMAGE_MANAGEMENT"}),
        policy({"ResourceTypes": ["VOLUME", "INSTANCE"]}),
        policy({"TargetTags": []}),
        policy({"Schedules": []}),
        policy({"Schedules": [SCHEDULE, SCHEDULE]}),
        policy({"EventSource": {"Type": "MANAGED_CWE"}}),
        policy(CreateRule={**DAILY, "Interval": 5}),
        policy(CreateRule={**DAILY, "Times": ["25:00"]}),
        policy(CreateRule={"CronExpression": "cron(0 9 * * ? *)"}),
        policy(RetainRule={"Count": 2, "Interval": 1, "IntervalUnit": "DAYS"}),
        policy(RetainRule={"Count": 1001}),
        policy(CrossRegionCopyRules=[{"Encrypted": True}]),
        policy(FastRestoreRule={"Count": 1}),
    ],
)
def test_what_is_refused(wrong: Any) -> None:
    with pytest.raises(RefusedError):
        check(wrong)


def test_policies_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "lifecycle.json"
    made = Policies(path, "1", "eu-west-1").create({**policy(), "Tags": {"a": "1"}})
    again = Policies(path, "1", "eu-west-1")
    assert again.get(made)["PolicyArn"] == f"arn:aws:dlm:eu-west-1:1:policy/{made}"
    with pytest.raises(RefusedError):
        again.update(made, {"State": "ON"})
    again.update(made, {"State": "DISABLED"})
    again.tag(again.get(made)["PolicyArn"], {"b": "2"}, ("a",))
    assert (again.get(made)["State"], again.get(made)["Tags"]) == ("DISABLED", {"b": "2"})
    again.delete(made)
    with pytest.raises(RefusedError, match="Unable to find"):
        Policies(path, "1", "eu-west-1").get(made)


class Ec2:
    """A few volumes, and what was made of them."""

    def __init__(self) -> None:
        self.now = at("01T00:00")
        self.snapshots: dict[str, dict[str, Any]] = {}
        self.volumes = [
            {"VolumeId": "vol-1", "Tags": [{"Key": "keep", "Value": "yes"}]},
            {"VolumeId": "vol-2", "Tags": [{"Key": "keep", "Value": "no"}]},
        ]

    def get_paginator(self, call: str) -> Any:
        assert call == "describe_volumes"
        return self

    def paginate(self, Filters: Any) -> Any:  # noqa: N803  (boto3's names)
        (wanted,) = Filters[0]["Values"]
        return [{"Volumes": [e for e in self.volumes if e["Tags"][0]["Value"] == wanted]}]

    def create_snapshot(self, **given: Any) -> None:
        identifier = f"snap-{len(self.snapshots) + 1}-{self.now:%d}"
        self.snapshots[identifier] = {**given, "SnapshotId": identifier, "StartTime": self.now}

    def describe_snapshots(self, **_: Any) -> Any:
        return {"Snapshots": list(self.snapshots.values())}

    def delete_snapshot(self, SnapshotId: str) -> None:  # noqa: N803
        del self.snapshots[SnapshotId]


def test_a_week_goes_by(tmp_path: Path) -> None:
    policies, ec2 = Policies(tmp_path / "lifecycle.json", "1", "eu-west-1"), Ec2()
    made = policies.create(policy(TagsToAdd=[{"Key": "by", "Value": "dlm"}]))
    policies.look(made, ec2.now)
    runner = Runner(policies, lambda: ec2)
    begun = []
    for _ in range(7 * 24):
        ec2.now += timedelta(hours=1)
        begun.append(runner.tick(ec2.now))
    assert sum(begun) == 7
    kept = list(ec2.snapshots.values())
    assert [(e["VolumeId"], e["StartTime"]) for e in kept] == [
        ("vol-1", at("06T04:00")),
        ("vol-1", at("07T04:00")),
    ]
    tags = {e["Key"]: e["Value"] for e in kept[0]["TagSpecifications"][0]["Tags"]}
    assert tags.items() >= {"keep": "yes", "by": "dlm", POLICY: made, "dlm:managed": "true"}.items()
    policies.update(made, {"State": "DISABLED"})
    assert runner.tick(at("20T04:00")) == 0
    assert len(ec2.snapshots) == 2
    assert policies.looked(made) == datetime(2026, 3, 20, 4, tzinfo=UTC)
