"""What somebody changed by hand: CloudFormation's drift detection, asked for and waited for.

Source: CloudFormation User Guide, "Detect unmanaged configuration changes with drift detection".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, StillRunning
from provisimus.model import Stack
from provisimus.stacks.follow import Deadline, Pace


@dataclass(frozen=True)
class Difference:
    """A property that is not as the template has it. `path` is like /Tags/0/Value."""

    path: str
    kind: str
    expected: str
    actual: str


@dataclass(frozen=True)
class DriftedResource:
    """`status` is MODIFIED, DELETED, IN_SYNC or NOT_CHECKED."""

    logical_id: str
    physical_id: str
    kind: str
    status: str
    differences: tuple[Difference, ...] = ()


def detect(
    environment: Environment, stack: Stack, deadline: Deadline
) -> tuple[DriftedResource, ...]:
    """Every resource of the stack with what differs. Raises StillRunning, ProvisimusError."""
    cloud = environment.cloud
    with speaking(cloud, f"look for drift of {stack.name}"):
        asked = cloud.cloudformation.detect_stack_drift(StackName=stack.stack_id)
        identifier = asked["StackDriftDetectionId"]
    pace = Pace(environment)
    while True:
        with speaking(cloud, f"look for drift of {stack.name}"):
            found: Any = cloud.cloudformation.describe_stack_drift_detection_status(
                StackDriftDetectionId=identifier
            )
        if found["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            break
        if deadline.passed:
            raise StillRunning(f"drift of {stack.name} is not known after {deadline.seconds:g} s")
        pace.pause()
    if found["DetectionStatus"] == "DETECTION_FAILED":
        why = found.get("DetectionStatusReason", "unknown")
        raise ProvisimusError(f"drift of {stack.name} was not found out: {why}")
    with speaking(cloud, f"read the drift of {stack.name}"):
        pages = _pages(cloud, stack.stack_id)
    return tuple(sorted(map(_resource, pages), key=lambda each: each.logical_id))


def _pages(cloud: Any, stack: str) -> list[Any]:
    found: list[Any] = []
    more: dict[str, str] = {}
    while True:
        page = cloud.cloudformation.describe_stack_resource_drifts(StackName=stack, **more)
        found += page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return found
        more = {"NextToken": page["NextToken"]}


def _resource(found: Any) -> DriftedResource:
    return DriftedResource(
        found["LogicalResourceId"],
        found.get("PhysicalResourceId", ""),
        found["ResourceType"],
        found["StackResourceDriftStatus"],
        tuple(
            Difference(
                each["PropertyPath"],
                each["DifferenceType"],
                each.get("ExpectedValue", ""),
                each.get("ActualValue", ""),
            )
            for each in found.get("PropertyDifferences", ())
        ),
    )
