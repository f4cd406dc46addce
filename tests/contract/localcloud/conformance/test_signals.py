"""A resource that waits for signals."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import costs, follows, operation

POLICY = follows(
    "CloudFormation template reference, CreationPolicy attribute",
    "AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html",
)
SIGNAL = operation("CloudFormation", "SignalResource")
WAIT = """
Parameters: {Time: {Type: String, Default: PT5M}}
Resources:
  Wait:
    Type: AWS::CloudFormation::WaitCondition
    CreationPolicy: {ResourceSignal: {Count: COUNT, Timeout: !Ref Time}}
  After: {Type: "AWS::EC2::SecurityGroup", DependsOn: Wait, Properties: {GroupDescription: a}}
"""
MACHINE = """
Parameters:
  ImageId: {Type: "AWS::EC2::Image::Id"}
  SubnetId: {Type: "AWS::EC2::Subnet::Id"}
Resources:
  Machine:
    Type: AWS::EC2::Instance
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT5M}}
    Properties: {ImageId: !Ref ImageId, InstanceType: t3.nano, SubnetId: !Ref SubnetId}
"""


def begin(story: Any, count: int = 1, time: str = "PT5M") -> None:
    """Create the stack; it waits when this returns."""
    made = story.world.cloudformation.create_stack(
        StackName=story.name, TemplateBody=WAIT.replace("COUNT", str(count)),
        Parameters=[{"ParameterKey": "Time", "ParameterValue": time}],
    )  # fmt: skip
    story.stack_id = made["StackId"]
    assert story.begun("Wait")


def signal(story: Any, unique_id: str, status: str = "SUCCESS", name: str = "Wait") -> None:
    story.world.cloudformation.signal_resource(
        StackName=story.name, LogicalResourceId=name, UniqueId=unique_id, Status=status
    )


@POLICY
@SIGNAL
def test_it_is_complete_when_the_signal_came(story: Any) -> None:
    begin(story)
    described = story.world.cloudformation.describe_stack_resource(
        StackName=story.name, LogicalResourceId="Wait"
    )["StackResourceDetail"]
    assert described["ResourceStatus"] == "CREATE_IN_PROGRESS"
    signal(story, "i-1")
    assert story.settle() == "CREATE_COMPLETE"
    assert story.news() == [
        "STACK CREATE_IN_PROGRESS [User Initiated]",
        "Wait CREATE_IN_PROGRESS",
        "Wait CREATE_IN_PROGRESS [Resource creation Initiated]",
        "Wait CREATE_IN_PROGRESS [Received SUCCESS signal with UniqueId i-1]",
        "Wait CREATE_COMPLETE",
        "After CREATE_IN_PROGRESS",
        "After CREATE_IN_PROGRESS [Resource creation Initiated]",
        "After CREATE_COMPLETE",
        "STACK CREATE_COMPLETE",
    ]
    code, message = refused(
        story.world.cloudformation.signal_resource, StackName=story.name,
        LogicalResourceId="Wait", UniqueId="i-1", Status="SUCCESS",
    )  # fmt: skip
    assert (code, "is in CREATE_COMPLETE state and cannot be signaled" in message) == (
        "ValidationError", True,
    )  # fmt: skip


@POLICY
def test_a_failure_fails_it(story: Any) -> None:
    begin(story)
    signal(story, "i-1", "FAILURE")
    assert story.settle() == "ROLLBACK_COMPLETE"
    failed = [line for line in story.news() if "Wait CREATE_FAILED" in line]
    assert failed == ["Wait CREATE_FAILED [Received FAILURE signal with UniqueId i-1]"]


@POLICY
def test_without_a_signal_it_fails_in_time(story: Any) -> None:
    begin(story, time="PT1S")
    assert story.settle() == "ROLLBACK_COMPLETE"
    assert (
        "Wait CREATE_FAILED [Failed to receive 1 resource signal(s) within the specified duration]"
    ) in story.news()


@SIGNAL
def test_every_sender_counts_once(story: Any) -> None:
    begin(story, count=2)
    signal(story, "one")
    again = refused(
        story.world.cloudformation.signal_resource, StackName=story.name,
        LogicalResourceId="Wait", UniqueId="one", Status="SUCCESS",
    )  # fmt: skip
    assert "Signal with ID one for resource Wait already" in again[1]
    assert story.described["StackStatus"] == "CREATE_IN_PROGRESS"
    signal(story, "two")
    assert story.settle() == "CREATE_COMPLETE"


@POLICY
def test_a_stack_that_waits_can_be_deleted(story: Any) -> None:
    begin(story)
    assert story.delete() == "DELETE_COMPLETE"


@SIGNAL
@pytest.mark.parametrize(
    ("name", "status", "complaint"),
    [
        ("Nothing", "SUCCESS", "Resource Nothing does not exist for stack"),
        ("Wait", "PERHAPS", "enum value set: [SUCCESS, FAILURE]"),
    ],
)
def test_what_does_not_wait_cannot_be_signaled(
    story: Any, name: str, status: str, complaint: str
) -> None:
    begin(story)
    code, message = refused(
        story.world.cloudformation.signal_resource, StackName=story.name,
        LogicalResourceId=name, UniqueId="one", Status=status,
    )  # fmt: skip
    assert code == "ValidationError"
    assert complaint in message


@POLICY
@costs("two instances t3.nano", 8)
@pytest.mark.parametrize(
    ("status", "ends"),
    [("SUCCESS", "UPDATE_COMPLETE"), ("FAILURE", "UPDATE_ROLLBACK_COMPLETE")],
)
def test_a_replacement_waits_for_its_own_signal(story: Any, status: str, ends: str) -> None:
    world = story.world
    api, images = world.cloudformation, world.images

    def given(image: str) -> dict[str, Any]:
        values = {"ImageId": image, "SubnetId": world.network["SubnetId"]}
        parameters = [{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()]
        return {"StackName": story.name, "TemplateBody": MACHINE, "Parameters": parameters}

    story.stack_id = api.create_stack(**given(images[0]))["StackId"]
    first = story.begun("Machine")
    signal(story, first, name="Machine")
    assert story.settle() == "CREATE_COMPLETE", story.news()
    story.news()
    api.update_stack(**given(images[1]))
    second = story.begun("Machine", first)
    signal(story, second, status, name="Machine")
    assert story.settle() == ends
    told = story.news()
    if status == "FAILURE":
        assert story.physical("Machine") == first
        return
    waited = f"Machine UPDATE_IN_PROGRESS [Received SUCCESS signal with UniqueId {second}]"
    assert told.index(waited) < told.index("Machine UPDATE_COMPLETE")
    assert told.index("Machine UPDATE_COMPLETE") < told.index("Machine DELETE_IN_PROGRESS")
