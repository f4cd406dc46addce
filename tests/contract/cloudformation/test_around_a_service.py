"""Policies, keys, logs, topics, alarms and names of a stack, read back through their services."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.cloudformation.conftest import ACCOUNT, REGION, World
from tests.contract.cloudformation.read_back import expect_as_asked, expect_everything
from tests.contract.cloudformation.test_whole_vpc import expect_replaced, ids

SETTINGS = (Path(__file__).parent / "settings.yaml").read_text()
TYPES = (
    "AWS::CloudWatch::Alarm", "AWS::EC2::FlowLog", "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy", "AWS::KMS::Alias",
    "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::Route53::HostedZone", "AWS::Route53::RecordSet",
    "AWS::SNS::Subscription", "AWS::SNS::Topic",
)  # fmt: skip

MAY = (
    "PolicyDocument: {Version: '2012-10-17', "
    "Statement: [{Effect: Allow, Action: 'a:b', Resource: '*'}]}"
)


@pytest.fixture(autouse=True)
def people(world: World) -> Iterator[None]:
    """A user and a group, whom no template makes."""
    iam = world.client("iam")
    iam.create_user(UserName="someone")
    iam.create_group(GroupName="somebodies")
    yield
    iam.delete_user(UserName="someone")
    iam.delete_group(GroupName="somebodies")


def test_every_property_is_as_asked_and_nothing_is_left(story: Any) -> None:
    before = left(story.world)
    assert story.create(SETTINGS) == "CREATE_COMPLETE", story.news()
    expect_everything(expect_as_asked(story), TYPES)
    assert story.outputs["Policy"] == f"arn:aws:iam::{ACCOUNT}:policy/of/listens"
    assert story.outputs["Alarm"] == f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:busy"
    assert story.outputs["Log"].startswith(f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/acme")
    key = story.physical("Key")
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert left(story.world) == before

    # A key is deleted after as many days as were asked for.
    told = story.world.client("kms").describe_key(KeyId=key)["KeyMetadata"]
    assert told["KeyState"] == "PendingDeletion"
    assert 8 <= (told["DeletionDate"] - told["CreationDate"]).days <= 9


CHANGES = (
    ("Default: green", "Default: blue"),
    ("Default: 7", "Default: 14"),
    ("logs:PutLogEvents", "logs:GetLogEvents"),
    ("PolicyName: own", "PolicyName: mine"),
    ("PolicyName: talks", "PolicyName: speaks"),
    ("      Roles: [!Ref Role]\n      Users: [someone]\n", "      Roles: [!Ref Other]\n"),
    ("Description: a key", "Description: the key"),
    ("EnableKeyRotation: true", "EnableKeyRotation: false"),
    ("Action: 'kms:*'", "Action: ['kms:*']"),
    ("DisplayName: News", "DisplayName: Old news"),
    ("one@acme", "two@acme"),
    ("RawMessageDelivery: true", "RawMessageDelivery: false"),
    ("kind: [alarm]", "kind: [all, clear]"),
    ("Threshold: 80", "Threshold: 90"),
    ("      OKActions: [!Ref Topic]\n", ""),
    ("Comment: ours", "Comment: theirs"),
    ("TTL: '60'", "TTL: '61'"),
    ("192.0.2.2", "192.0.2.3"),
    ("TrafficType: REJECT", "TrafficType: ALL"),
    ("{VPCId: !Ref Vpc,", "{VPCId: !Ref Vpc2,"),
    # by replacement
    ("LogGroupName: /acme/greeter", "LogGroupName: /acme/talker"),
    ("AliasName: alias/greeter", "AliasName: alias/talker"),
    ("AlarmName: busy", "AlarmName: busier"),
    ("/news\n", "/old-news\n"),
    ("ManagedPolicyName: listens", "ManagedPolicyName: hears"),
)


def test_it_changes_as_the_schemas_say(story: Any) -> None:
    world = story.world
    before = left(world)
    assert story.create(SETTINGS) == "CREATE_COMPLETE", story.news()
    old = dict(world.engine.find(story.stack_id).resources)
    after = SETTINGS
    for was, becomes in CHANGES:
        assert was in after, was
        after = after.replace(was, becomes)
    assert story.update(after) == "UPDATE_COMPLETE", story.news()
    expect_as_asked(story)
    new = dict(world.engine.find(story.stack_id).resources)
    expect_replaced(old, new)

    iam = world.client("iam")
    assert iam.list_role_policies(RoleName=story.physical("Role"))["PolicyNames"] == ["mine"]
    assert iam.list_user_policies(UserName="someone")["PolicyNames"] == []

    broken = SETTINGS.replace(
        "Outputs:",
        "  Last: {Type: AWS::SNS::Topic, Properties: {TopicName: news}, "
        "DependsOn: [Other2, Slow, Alarm, Reader, Alias, Log, Inline, Managed]}\nOutputs:",
    )
    assert story.update(broken) == "UPDATE_ROLLBACK_COMPLETE", story.news()
    expect_as_asked(story)
    assert ids(world, story) == {name: each.physical_id for name, each in new.items()}
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert left(world) == before


def test_a_role_that_changes_keeps_the_policies_that_are_resources_of_their_own(story: Any) -> None:
    assert story.create(SETTINGS) == "CREATE_COMPLETE", story.news()
    changed = SETTINGS.replace("PolicyName: own", "PolicyName: mine")
    assert story.update(changed) == "UPDATE_COMPLETE", story.news()
    iam, role = story.world.client("iam"), story.physical("Role")
    assert sorted(iam.list_role_policies(RoleName=role)["PolicyNames"]) == ["mine", "talks"]
    attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["listens"]
    expect_as_asked(story)


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        ("IAM::Policy", "PolicyName: p, PolicyDocument: {}", "must be non-empty"),
        ("IAM::Policy", "PolicyName: p, PolicyDocument: {}, Users: [someone]", "MalformedPolicy"),
        (
            "IAM::Policy",
            f"PolicyName: p, {MAY}, Groups: [somebodies], Users: [nobody]",
            "NoSuchEntity",
        ),
        (
            "IAM::ManagedPolicy",
            f"{MAY}, Roles: [nobody]",
            "NoSuchEntity",
        ),
        ("KMS::Key", "KeySpec: RSA_2048, KeyUsage: SIGN_VERIFY", "not to this local cloud"),
        ("KMS::Alias", "AliasName: greeter, TargetKeyId: k", "Invalid identifier"),
        ("Logs::LogGroup", "LogGroupName: /first", "ResourceAlreadyExists"),
        ("SNS::Topic", "TopicName: first", "already exists"),
        ("SNS::Topic", "TopicName: not a name", "InvalidParameter"),
        (
            "SNS::Subscription",
            "TopicArn: 'arn:aws:sns:eu-west-1:1:t', Protocol: https, Endpoint: x",
            "NotFound",
        ),
        (
            "CloudWatch::Alarm",
            "ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1",
            "MissingParameter",
        ),
        (
            "CloudWatch::Alarm",
            (
                "AlarmName: first, MetricName: m, Statistic: Sum, EvaluationPeriods: 1, "
                "Namespace: n, Period: 60, Threshold: 1, ComparisonOperator: GreaterThanThreshold"
            ),
            "already exists",
        ),
        (
            "Route53::RecordSet",
            "HostedZoneId: Z0, Name: a.example, Type: A, TTL: '1', ResourceRecords: [192.0.2.1]",
            "NoSuchHostedZone",
        ),
        ("Route53::RecordSet", "HostedZoneId: Z0, Name: a.example, Type: A", "has either"),
    ],
)
def test_what_a_service_refuses_is_the_reason_and_nothing_is_left(
    story: Any, kind: str, properties: str, reason: str
) -> None:
    before = left(story.world)
    body = (
        "Resources:\n"
        "  Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /first}}\n"
        "  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: first}}\n"
        "  Alarm: {Type: AWS::CloudWatch::Alarm, Properties: {AlarmName: first, MetricName: m, "
        "Statistic: Sum, EvaluationPeriods: 1, Namespace: n, Period: 60, Threshold: 1, "
        "ComparisonOperator: GreaterThanThreshold}}\n"
        f"  Last:\n    Type: AWS::{kind}\n    DependsOn: [Log, Topic, Alarm]\n"
        f"    Properties: {{{properties}}}\n"
    )
    assert story.create(body) == "ROLLBACK_COMPLETE"
    (failed,) = [line for line in story.news() if line.startswith("Last CREATE_FAILED")]
    assert reason in failed
    assert left(story.world) == before


def left(world: Any) -> dict[str, list[str]]:
    """What there is of all of it."""
    iam, sns = world.client("iam"), world.client("sns")
    kms, zones = world.client("kms"), world.client("route53").list_hosted_zones()["HostedZones"]
    alarms = world.client("cloudwatch").describe_alarms()["MetricAlarms"]
    keys = [kms.describe_key(KeyId=each["KeyId"]) for each in kms.list_keys()["Keys"]]
    subscriptions = sns.list_subscriptions()["Subscriptions"]
    found = {
        "groups": iam.list_group_policies(GroupName="somebodies")["PolicyNames"],
        "keys": [
            each["KeyMetadata"]["KeyId"]
            for each in keys
            if each["KeyMetadata"]["KeyState"] != "PendingDeletion"
        ],
        "aliases": [each["AliasName"] for each in kms.list_aliases()["Aliases"]],
        "logs": [
            e["logGroupName"] for e in world.client("logs").describe_log_groups()["logGroups"]
        ],
        "people": iam.list_user_policies(UserName="someone")["PolicyNames"],
        "policies": [each["Arn"] for each in iam.list_policies(Scope="Local")["Policies"]],
        "roles": [each["RoleName"] for each in iam.list_roles()["Roles"]],
        "topics": [each["TopicArn"] for each in sns.list_topics()["Topics"]],
        "subscriptions": [each["SubscriptionArn"] for each in subscriptions],
        "alarms": [each["AlarmName"] for each in alarms],
        "zones": [each["Id"] for each in zones],
    }
    return {name: sorted(each) for name, each in found.items()}
