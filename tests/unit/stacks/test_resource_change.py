"""What happens to resources: read from change sets and templates, and what must not be lost."""

import json
from dataclasses import replace

import pytest

from provisimus.stacks.resource_change import (
    BAKED_FIRST,
    ResourceChange,
    allowed_of,
    between,
    change_lines,
    endangered,
    kept,
    paired,
    resource_change,
    with_groups,
    with_new_image,
)

INSTANCE, VOLUME, GROUP = "AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::EC2::SecurityGroup"


def test_a_change_set_is_read_with_its_values() -> None:
    found = {
        "Action": "Modify",
        "LogicalResourceId": "Queue",
        "PhysicalResourceId": "queue-1",
        "ResourceType": "AWS::SQS::Queue",
        "Replacement": "True",
        "PolicyAction": "ReplaceAndDelete",
        "Details": [
            {"Target": {"Attribute": "Properties", "Name": "QueueName"}},
            {"Target": {"Attribute": "Properties", "Name": "QueueName"}},
            {"Target": {"Attribute": "DeletionPolicy"}},
        ],
        "BeforeContext": json.dumps({"Properties": {"QueueName": "a"}}),
        "AfterContext": json.dumps({"Properties": {"QueueName": "b"}}),
    }
    change = resource_change(found)
    assert change == ResourceChange(
        "Modify",
        "Queue",
        "AWS::SQS::Queue",
        "True",
        ("QueueName", "DeletionPolicy"),
        "queue-1",
        "ReplaceAndDelete",
        {"QueueName": "a"},
        {"QueueName": "b"},
    )
    assert change.line == "replace Queue (AWS::SQS::Queue): QueueName, DeletionPolicy"


def test_templates_are_compared_with_their_parameters_and_no_secret_is_resolved() -> None:
    def template(**resources: object) -> dict[str, object]:
        return {
            "Parameters": {
                "Days": {"Type": "Number", "Default": 4},
                "Key": {"Type": "String", "NoEcho": True},
            },
            "Resources": resources,
        }

    queue = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"Retention": {"Ref": "Days"}, "Key": {"Ref": "Key"}},
    }
    gone = {"Type": VOLUME, "DeletionPolicy": "Snapshot", "Properties": {"Size": 1}}
    found = between(
        template(Queue=queue, Data=gone),
        {"Key": "s3cret"},
        template(Queue=queue, New=gone),
        {
            "Days": "7",
            "Key": "0ther",
        },
    )
    queue_change, new, data = found
    assert (queue_change.before, queue_change.after) == (
        {"Retention": 4, "Key": "****"},
        {"Retention": "7", "Key": "****"},
    )
    assert queue_change.properties == ("Retention",)
    assert (new.action, new.after) == ("Add", {"Size": 1})
    assert (data.action, data.policy) == ("Remove", "Snapshot")


@pytest.mark.parametrize(
    ("kind", "action", "replacement", "policy", "lost"),
    [
        (VOLUME, "Modify", "True", "", {"It": "replaced"}),
        ("AWS::RDS::DBInstance", "Modify", "True", "", {"It": "replaced"}),
        ("AWS::DynamoDB::Table", "Modify", "True", "", {"It": "replaced"}),
        ("AWS::RDS::DBInstance", "Modify", "False", "", {}),
        ("AWS::RDS::DBInstance", "Remove", "", "Delete", {"It": "deleted"}),
        (VOLUME, "Remove", "", "Snapshot", {"It": "deleted"}),
        ("AWS::S3::Bucket", "Remove", "", "Retain", {}),
        ("AWS::S3::Bucket", "Remove", "", "RetainExceptOnCreate", {}),
        (INSTANCE, "Modify", "True", "", {}),
        (INSTANCE, "Remove", "", "Delete", {}),
    ],
)
def test_what_holds_data_is_not_lost(
    kind: str, action: str, replacement: str, policy: str, lost: dict[str, str]
) -> None:
    change = ResourceChange(action, "It", kind, replacement, policy=policy)
    assert endangered([change]) == lost
    assert endangered([change], ["It"]) == {}


def test_a_change_that_is_taken_back_may_remove_what_it_made_and_replace_nothing() -> None:
    removed = ResourceChange("Remove", "It", VOLUME, policy="Snapshot")
    replaced = ResourceChange("Modify", "It", VOLUME, "True")
    assert endangered([removed], going_back=True) == {}
    assert endangered([replaced], going_back=True) == {"It": "replaced"}


def test_a_name_may_say_of_which_service() -> None:
    assert allowed_of("greeter", ["Data", "greeter/Logs", "cache/Other"]) == {"Data", "Logs"}
    assert allowed_of("cache", []) == frozenset()


def test_an_instance_under_another_name_is_a_replacement() -> None:
    comes = ResourceChange("Add", "InstanceB", INSTANCE, after={"ImageId": "ami-2", "Type": "t"})
    goes = ResourceChange(
        "Remove", "InstanceA", INSTANCE, physical_id="i-1", before={"ImageId": "ami-1", "Type": "t"}
    )
    group = ResourceChange("Modify", "Group", GROUP)
    [first, one] = paired([group, comes, goes])
    assert first is group
    assert (one.action, one.replacement, one.logical_id) == ("Modify", "True", "InstanceB")
    assert (one.physical_id, one.properties) == ("i-1", ("ImageId",))
    assert paired([group, comes]) == [group, comes]


def test_an_image_that_is_not_baked_yet_is_told_as_such() -> None:
    template = {
        "Resources": {
            "Instance": {"Type": INSTANCE, "Properties": {"ImageId": {"Ref": "ImageId"}}},
            "Group": {"Type": GROUP, "Properties": {}},
        }
    }
    [one] = with_new_image([], template, "ami-1")
    assert (one.logical_id, one.replacement) == ("Instance", "True")
    assert (one.before, one.after) == ({"ImageId": "ami-1"}, {"ImageId": BAKED_FIRST})
    size = ResourceChange(
        "Modify",
        "Instance",
        INSTANCE,
        "False",
        ("InstanceType",),
        before={"ImageId": "ami-1", "InstanceType": "a"},
        after={"ImageId": "ami-1", "InstanceType": "b"},
    )
    [one] = with_new_image([size], template, "ami-1")
    assert one.properties == ("InstanceType", "ImageId")
    assert one.after == {"ImageId": BAKED_FIRST, "InstanceType": "b"}


def test_a_group_takes_the_launch_template_of_the_image_that_is_not_baked_yet() -> None:
    version = {"Fn::GetAtt": ["Launch", "LatestVersionNumber"]}
    data = {"LaunchTemplateData": {"ImageId": {"Ref": "ImageId"}}}
    template = {
        "Resources": {
            "Launch": {"Type": "AWS::EC2::LaunchTemplate", "Properties": data},
            "Group": {"Type": GROUP, "Properties": {"LaunchTemplate": {"Version": version}}},
        }
    }
    launch, group = with_new_image([], template, "ami-1")
    assert (launch.logical_id, group.logical_id) == ("Launch", "Group")
    assert (group.action, group.replacement, group.properties) == (
        "Modify",
        "False",
        ("LaunchTemplate",),
    )
    more = ResourceChange("Modify", "Group", GROUP, "False", ("MaxSize",))
    [group, _] = with_new_image([more], template, "ami-1")
    assert group.properties == ("MaxSize", "LaunchTemplate")
    new = ResourceChange("Add", "Group", GROUP)
    assert with_new_image([new], template, "ami-1")[0] == new
    known = replace(launch, properties=("LaunchTemplateData",))
    assert [each.logical_id for each in with_groups([known], template)] == ["Launch", "Group"]
    assert with_groups([replace(launch, properties=("Tags",))], template)[1:] == []


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("Delete", ""),
        ("Retain", "the old one stays"),
        ("Snapshot", "a snapshot stays"),
        ("ReplaceAndSnapshot", "a snapshot stays"),
    ],
)
def test_what_stays_is_said(policy: str, words: str) -> None:
    assert kept(policy) == words


def test_what_comes_of_a_thing_to_be_made_is_told_in_words() -> None:
    context = {"Properties": {"NatGatewayId": "{{changeSet:KNOWN_AFTER_APPLY}}"}}
    found = resource_change(
        {
            "Action": "Add",
            "LogicalResourceId": "Out",
            "ResourceType": "AWS::EC2::Route",
            "AfterContext": json.dumps(context),
        }
    )
    assert found.after == {"NatGatewayId": "(known once it is made)"}


def test_what_gets_no_more_than_tags_is_counted() -> None:
    queue = ResourceChange(
        "Modify", "Queue", "AWS::SQS::Queue", properties=("DelaySeconds", "Tags")
    )
    tagged = [
        ResourceChange("Modify", name, "AWS::SNS::Topic", properties=("Tags",)) for name in "AB"
    ]
    assert change_lines([tagged[0], queue, tagged[1]]) == [
        "change Queue (AWS::SQS::Queue): DelaySeconds, Tags",
        "change the tags of 2 more",
    ]
