"""Drift of stacks with machines, after a restart, and of what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.contract.drift import detect, differences, drifts

VOLUME = """
Resources:
  Volume:
    Type: AWS::EC2::Volume
    Properties: {AvailabilityZone: eu-west-1a, Size: "1", VolumeType: gp3, Encrypted: true}
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: x}}
"""


def test_a_service_is_in_sync(story: Any, service: str) -> None:
    story.apply(service, "CREATE", tags={"team": "x"})
    assert detect(story)["StackDriftStatus"] == "IN_SYNC"
    told = {k: (d["StackResourceDriftStatus"]) for k, d in drifts(story).items()}
    assert told == dict.fromkeys(
        ("SecurityGroup", "Role", "InstanceProfile", "DataVolume", "Instance"), "IN_SYNC"
    )
    resources = story.world.cloudformation.list_stack_resources(StackName=story.name)
    information = {
        each["LogicalResourceId"]: each["DriftInformation"]["StackResourceDriftStatus"]
        for each in resources["StackResourceSummaries"]
    }
    assert information == {**told, "Attachment": "NOT_CHECKED"}
    with pytest.raises(ClientError, match="not supported for resource Attachment"):
        differences(story, "Attachment")


def test_an_instance_that_was_changed(story: Any, service: str) -> None:
    story.apply(service, "CREATE")
    instance = story.physical("Instance")
    story.world.ec2.modify_instance_metadata_options(
        InstanceId=instance, HttpTokens="optional", HttpPutResponseHopLimit=5
    )
    story.world.ec2.create_tags(Resources=[instance], Tags=[{"Key": "x", "Value": "y"}])
    assert differences(story, "Instance") == [
        ("NOT_EQUAL", "/MetadataOptions/HttpTokens", "required", "optional"),
        ("NOT_EQUAL", "/MetadataOptions/HttpPutResponseHopLimit", "2", "5"),
    ]
    assert story.described["DriftInformation"]["StackDriftStatus"] == "DRIFTED"


def test_some_resources_only_and_results_outlive_a_restart(story: Any) -> None:
    story.create(VOLUME)
    found = detect(story, LogicalResourceIds=["Volume"])
    assert set(drifts(story)) == {"Volume"}
    story.world.restart()
    assert set(drifts(story)) == {"Volume"}
    api = story.world.cloudformation
    again = api.describe_stack_drift_detection_status(
        StackDriftDetectionId=found["StackDriftDetectionId"]
    )
    assert again["DetectionStatus"] == "DETECTION_COMPLETE"
    changed = VOLUME.replace('Size: "1"', 'Size: "2"')
    assert story.update(changed) == "UPDATE_COMPLETE"
    assert drifts(story) == {}


def test_a_resource_that_cannot_be_read_is_unknown(story: Any) -> None:
    story.create(VOLUME)
    story.world.faults.errors["ec2.DescribeVolumes"] = ("Nope", "not now")
    found = detect(story)
    assert (found["DetectionStatus"], found["StackDriftStatus"]) == ("DETECTION_FAILED", "UNKNOWN")
    assert "Volume: " in found["DetectionStatusReason"]
    assert drifts(story, "UNKNOWN")["Volume"]["DriftStatusReason"].count("not now") == 1
    assert drifts(story)["Group"]["StackResourceDriftStatus"] == "IN_SYNC"
