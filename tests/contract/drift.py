"""What CloudFormation finds when it is asked for drift."""

from __future__ import annotations

from typing import Any


def detect(story: Any, **given: Any) -> dict[str, Any]:
    api = story.world.cloudformation
    made = api.detect_stack_drift(StackName=story.name, **given)["StackDriftDetectionId"]

    def told() -> dict[str, Any]:
        return dict(api.describe_stack_drift_detection_status(StackDriftDetectionId=made))

    story.wait_while(lambda: told()["DetectionStatus"], "DETECTION_IN_PROGRESS")
    answer = told()
    assert (answer["StackId"], answer["StackDriftDetectionId"]) == (story.stack_id, made)
    return answer


def drifts(story: Any, *statuses: str) -> dict[str, dict[str, Any]]:
    given = {"StackResourceDriftStatusFilters": list(statuses)} if statuses else {}
    told = story.world.cloudformation.describe_stack_resource_drifts(StackName=story.name, **given)
    return {each["LogicalResourceId"]: each for each in told["StackResourceDrifts"]}


def differences(story: Any, name: str) -> list[tuple[str, str, str, str]]:
    found = story.world.cloudformation.detect_stack_resource_drift(
        StackName=story.name, LogicalResourceId=name
    )["StackResourceDrift"]
    return [
        (e["DifferenceType"], e["PropertyPath"], e["ExpectedValue"], e["ActualValue"])
        for e in found["PropertyDifferences"]
    ]
