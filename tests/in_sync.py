"""Whether a stack is as it was asked for, property by property, in the words of CloudFormation."""

from __future__ import annotations

import time
from typing import Any

WITHIN = 60.0
UNREAD = {"AWS::CloudFormation::WaitCondition", "AWS::EC2::VolumeAttachment"}
"""Types that are not checked: there is nothing of them to read, or AWS does not either."""


def differing(cloudformation: Any, stack: str) -> dict[str, str]:
    """By logical id, the drift status of what differs, is gone, or was not looked at though its
    type can be."""
    _detect(cloudformation, stack)
    return {
        each["LogicalResourceId"]: each["DriftInformation"]["StackResourceDriftStatus"]
        for each in cloudformation.list_stack_resources(StackName=stack)["StackResourceSummaries"]
        if each["DriftInformation"]["StackResourceDriftStatus"]
        != ("NOT_CHECKED" if each["ResourceType"] in UNREAD else "IN_SYNC")
    }


def differences(cloudformation: Any, stack: str) -> dict[str, list[str] | str]:
    """By logical id, the paths of the properties that differ, or that it is gone."""
    _detect(cloudformation, stack)
    told = cloudformation.describe_stack_resource_drifts(
        StackName=stack, StackResourceDriftStatusFilters=["MODIFIED", "DELETED"]
    )["StackResourceDrifts"]
    return {
        each["LogicalResourceId"]: sorted(d["PropertyPath"] for d in each["PropertyDifferences"])
        if each["StackResourceDriftStatus"] == "MODIFIED"
        else "deleted"
        for each in told
    }


def _detect(cloudformation: Any, stack: str) -> None:
    made = cloudformation.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    asked = {"StackDriftDetectionId": made}
    deadline = time.monotonic() + WITHIN
    while _status(cloudformation, asked) == "DETECTION_IN_PROGRESS":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert _status(cloudformation, asked) == "DETECTION_COMPLETE"


def _status(cloudformation: Any, asked: dict[str, str]) -> str:
    found = cloudformation.describe_stack_drift_detection_status(**asked)
    return str(found["DetectionStatus"])
