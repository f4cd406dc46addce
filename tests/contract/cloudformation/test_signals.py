"""A resource that waits for signals.

Follows the CloudFormation user guide, "CreationPolicy attribute", and the API reference of
SignalResource.
"""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

BODY = """
Parameters:
  Time: {Type: String, Default: PT5M}
  Image: {Type: String, Default: IMAGE}
Resources:
  Machine:
    Type: AWS::EC2::Instance
    CreationPolicy: {ResourceSignal: {Count: COUNT, Timeout: !Ref Time}}
    Properties: {ImageId: !Ref Image, InstanceType: t3.nano, MetadataOptions: {HttpTokens: required, InstanceMetadataTags: enabled}}
  After: {Type: "AWS::EC2::SecurityGroup", DependsOn: Machine, Properties: {GroupDescription: a}}
"""  # noqa: E501


@pytest.fixture
def body(story: Any) -> Any:
    def make(count: int = 1, time: str = "PT5M", image: int = 0) -> str:
        return (
            BODY.replace("COUNT", str(count))
            .replace("PT5M", time)
            .replace("IMAGE", story.world.images[image])
        )

    return make


def begin(story: Any, body: str) -> str:
    """Create the stack; returns the instance's id once it is waited for."""
    api = story.world.cloudformation
    story.stack_id = api.create_stack(StackName=story.name, TemplateBody=body)["StackId"]
    return str(story.begun("Machine"))


def signal(story: Any, unique_id: str, status: str = "SUCCESS", name: str = "Machine") -> None:
    story.world.cloudformation.signal_resource(
        StackName=story.name, LogicalResourceId=name, UniqueId=unique_id, Status=status
    )


def test_it_is_complete_when_the_signal_came(story: Any, body: Any) -> None:
    machine = begin(story, body())
    described = story.world.cloudformation.describe_stack_resource(
        StackName=story.name, LogicalResourceId="Machine"
    )["StackResourceDetail"]
    assert described["ResourceStatus"] == "CREATE_IN_PROGRESS"
    signal(story, machine)
    assert story.settle() == "CREATE_COMPLETE"
    assert story.news() == [
        "STACK CREATE_IN_PROGRESS [User Initiated]",
        "Machine CREATE_IN_PROGRESS",
        "Machine CREATE_IN_PROGRESS [Resource creation Initiated]",
        f"Machine CREATE_IN_PROGRESS [Received SUCCESS signal with UniqueId {machine}]",
        "Machine CREATE_COMPLETE",
        "After CREATE_IN_PROGRESS",
        "After CREATE_IN_PROGRESS [Resource creation Initiated]",
        "After CREATE_COMPLETE",
        "STACK CREATE_COMPLETE",
    ]
    found = story.world.ec2.describe_instances(InstanceIds=[machine])
    options = found["Reservations"][0]["Instances"][0]["MetadataOptions"]
    assert options["InstanceMetadataTags"] == "enabled"
    with pytest.raises(ClientError, match="is in CREATE_COMPLETE state and cannot be signaled"):
        signal(story, machine)


def test_a_failure_fails_it(story: Any, body: Any) -> None:
    machine = begin(story, body())
    signal(story, machine, "FAILURE")
    assert story.settle() == "ROLLBACK_COMPLETE"
    failed = [line for line in story.news() if "Machine CREATE_FAILED" in line]
    assert failed == [f"Machine CREATE_FAILED [Received FAILURE signal with UniqueId {machine}]"]


def test_without_a_signal_it_fails_in_time(story: Any, body: Any) -> None:
    begin(story, body(time="PT0S"))
    assert story.settle() == "ROLLBACK_COMPLETE"
    assert (
        "Machine CREATE_FAILED [Failed to receive 1 resource signal(s) within the specified "
        "duration]"
    ) in story.news()


def test_every_sender_counts_once(story: Any, body: Any) -> None:
    begin(story, body(count=2))
    signal(story, "one")
    with pytest.raises(ClientError, match="Signal with ID one for resource Machine already"):
        signal(story, "one")
    assert story.described["StackStatus"] == "CREATE_IN_PROGRESS"
    signal(story, "two")
    assert story.settle() == "CREATE_COMPLETE"


def test_signals_outlive_a_restart(story: Any, body: Any) -> None:
    begin(story, body(count=2))
    signal(story, "one")
    story.world.restart()
    signal(story, "two")
    assert story.settle() == "CREATE_COMPLETE"


def test_the_replacement_waits_for_its_own_signal(story: Any, body: Any) -> None:
    first = begin(story, body())
    signal(story, first)
    assert story.settle() == "CREATE_COMPLETE"
    story.news()
    story.world.cloudformation.update_stack(StackName=story.name, TemplateBody=body(image=1))
    second = story.begun("Machine", first)
    signal(story, second)
    assert story.settle() == "UPDATE_COMPLETE"
    told = story.news()
    waited = f"Machine UPDATE_IN_PROGRESS [Received SUCCESS signal with UniqueId {second}]"
    assert told.index(waited) < told.index("Machine UPDATE_COMPLETE")
    assert told.index("Machine UPDATE_COMPLETE") < told.index("Machine DELETE_IN_PROGRESS")


def test_a_replacement_that_fails_leaves_the_old_one(story: Any, body: Any) -> None:
    first = begin(story, body())
    signal(story, first)
    assert story.settle() == "CREATE_COMPLETE"
    story.world.cloudformation.update_stack(StackName=story.name, TemplateBody=body(image=1))
    signal(story, story.begun("Machine", first), "FAILURE")
    assert story.settle() == "UPDATE_ROLLBACK_COMPLETE"
    assert story.physical("Machine") == first


def test_a_stack_that_waits_can_be_deleted(story: Any, body: Any) -> None:
    begin(story, body())
    assert story.delete() == "DELETE_COMPLETE"


def test_what_does_not_wait_cannot_be_signaled(story: Any, body: Any) -> None:
    begin(story, body())
    with pytest.raises(ClientError, match="Resource Nothing does not exist for stack"):
        signal(story, "one", name="Nothing")
    with pytest.raises(ClientError, match=r"enum value set: \[SUCCESS, FAILURE\]"):
        signal(story, "one", "PERHAPS")


def test_a_policy_where_none_may_be_is_refused_by_name(story: Any) -> None:
    group = """
    Resources:
      A:
        Type: AWS::EC2::SecurityGroup
        CreationPolicy: {ResourceSignal: {Count: 1}}
        Properties: {GroupDescription: a}
    """
    with pytest.raises(ClientError, match=r"CreationPolicy of AWS::EC2::SecurityGroup \(resource"):
        story.create(group)


WAITING = """
Resources:
  Healthy:
    Type: AWS::CloudFormation::WaitCondition
    DependsOn: Group
    CreationPolicy: {ResourceSignal: {Count: 1, Timeout: PT5M}}
  Group: {Type: "AWS::EC2::SecurityGroup", Properties: {GroupDescription: a}}
"""


@pytest.mark.parametrize(
    ("status", "ends"), [("SUCCESS", "CREATE_COMPLETE"), ("FAILURE", "ROLLBACK_COMPLETE")]
)
def test_a_wait_condition_is_nothing_but_the_wait(story: Any, status: str, ends: str) -> None:
    api = story.world.cloudformation
    story.stack_id = api.create_stack(StackName=story.name, TemplateBody=WAITING)["StackId"]
    assert story.begun("Healthy")
    signal(story, "i-1", status, "Healthy")
    assert story.settle() == ends
