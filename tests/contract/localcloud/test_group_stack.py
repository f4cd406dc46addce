"""A stack with an Auto Scaling group of real machines: created, rolled, back, refreshed, gone.

Follows the CloudFormation user guide: "CreationPolicy attribute" and "UpdatePolicy attribute". The
test plays the instances that signal.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from typing import Any, Self

import httpx
import pytest

from .groups import Group, House, eventually, open_house

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="making a base needs root"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("groups") / "c") as made:
        yield made


BODY = """
Parameters: {Image: {Type: String}, Subnets: {Type: "List<AWS::EC2::Subnet::Id>"}}
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: !Ref Image, InstanceType: t3.nano}}
  Servers:
    Type: AWS::AutoScaling::AutoScalingGroup
    CreationPolicy: {ResourceSignal: {Count: 2, Timeout: PT5M}}
    UpdatePolicy: POLICY
    Properties:
      MinSize: "1"
      MaxSize: "4"
      DesiredCapacity: "2"
      VPCZoneIdentifier: !Ref Subnets
      LaunchTemplate:
        LaunchTemplateId: !Ref Template
        Version: !GetAtt Template.LatestVersionNumber
      Tags: [{Key: Name, Value: server, PropagateAtLaunch: true}]
Outputs: {Group: {Value: !Ref Servers}}
"""
ROLLING = (
    "{AutoScalingRollingUpdate: {MinInstancesInService: 1, MaxBatchSize: 1, PauseTime: PT5M, "
    "WaitOnResourceSignals: true, SuspendProcesses: [ReplaceUnhealthy]}}"
)
REFRESH = (
    "{AutoScalingInstanceRefresh: {Strategy: Rolling, Preferences: {MinHealthyPercentage: 50, "
    "InstanceWarmup: 0}}}"
)


class Stack:
    def __init__(self, house: House, name: str) -> None:
        self.house, self.name = house, name
        self.api = house.client("cloudformation")

    def given(self, policy: str, image: int) -> dict[str, Any]:
        values = {"Image": self.house.images[image], "Subnets": ",".join(self.house.subnets)}
        return {
            "StackName": self.name,
            "TemplateBody": BODY.replace("POLICY", policy),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": value} for key, value in values.items()
            ],
        }

    @property
    def status(self) -> str:
        try:
            return str(self.api.describe_stacks(StackName=self.name)["Stacks"][0]["StackStatus"])
        except self.api.exceptions.ClientError:
            return "gone"

    def settle(self) -> str:
        eventually(lambda: not self.status.endswith("IN_PROGRESS"), self.news)
        return self.status

    def news(self) -> list[str]:
        """What was told of the group, oldest first."""
        told = self.api.describe_stack_events(StackName=self.name)["StackEvents"]
        return [
            f"{each['ResourceStatus']} {each.get('ResourceStatusReason', '')}".strip()
            for each in told[::-1]
            if each["LogicalResourceId"] in ("Servers", self.name)
        ]

    @property
    def group(self) -> Group:
        told = self.api.describe_stack_resource(StackName=self.name, LogicalResourceId="Servers")
        return Group(self.house, told["StackResourceDetail"]["PhysicalResourceId"])


class Signals:
    """The instances' part: each says once, when it is in service, how it is."""

    def __init__(self, stack: Stack, says: Callable[[dict[str, Any]], str]) -> None:
        self._stack, self._says, self._over = stack, says, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        known = self._stack.status != "gone"
        self._before = set(self._stack.group.instances if known else ())
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        api, said = self._stack.house.client("cloudformation"), self._before
        while not self._over.wait(0.2):
            try:
                found = self._stack.group.instances.items()
            except (KeyError, api.exceptions.ClientError):
                continue  # it has none yet
            for identifier, each in found:
                if identifier in said or each["LifecycleState"] != "InService":
                    continue
                try:
                    api.signal_resource(
                        StackName=self._stack.name, LogicalResourceId="Servers",
                        UniqueId=identifier, Status=self._says(each),
                    )  # fmt: skip
                except api.exceptions.ClientError:
                    continue  # nobody waits for it yet
                said.add(identifier)


def versions(stack: Stack) -> list[str]:
    return sorted(e["LaunchTemplate"]["Version"] for e in stack.group.instances.values())


def test_the_life_of_a_stack_with_a_group(house: House, long: bool) -> None:
    if not long:
        pytest.skip("boots nine machines; runs with --all")
    stack = Stack(house, "group-stack")
    with Signals(stack, lambda _: "SUCCESS"):
        stack.api.create_stack(**stack.given(ROLLING, 0))
        assert stack.settle() == "CREATE_COMPLETE", stack.news()[-12:]
    assert versions(stack) == ["1", "1"]
    first = set(stack.group.instances)
    assert sum("Received SUCCESS signal with UniqueId i-" in line for line in stack.news()) == 2

    # Two batches of one, each with its signal.
    with Signals(stack, lambda _: "SUCCESS"):
        stack.api.update_stack(**stack.given(ROLLING, 1))
        assert stack.settle() == "UPDATE_COMPLETE", stack.news()[-12:]
    assert versions(stack) == ["2", "2"]
    assert not first & set(stack.group.instances)
    news = " ".join(stack.news())
    assert (
        "Rolling update initiated. Terminating 2 obsolete instance(s) in batches of 1, while "
        "keeping at least 1 instance(s) in service. Waiting on resource signals with a timeout "
        "of PT5M"
    ) in news
    assert "(Progress 100%)" in news
    assert stack.group.told["SuspendedProcesses"] == []

    # The first new one fails: the way back is rolled, too.
    sick = {"3": "FAILURE"}
    with Signals(stack, lambda each: sick.get(each["LaunchTemplate"]["Version"], "SUCCESS")):
        stack.api.update_stack(**stack.given(ROLLING, 0))
        assert stack.settle() == "UPDATE_ROLLBACK_COMPLETE", stack.news()[-12:]
    assert "Unable to satisfy 100% MinSuccessfulInstancesPercent" in " ".join(stack.news())
    assert len(versions(stack)) == 2
    images = house.client("ec2").describe_instances(InstanceIds=list(stack.group.instances))
    assert {i["ImageId"] for r in images["Reservations"] for i in r["Instances"]} == {
        house.images[1]
    }

    # An instance refresh instead; the group has the new template when it is over.
    stack.api.update_stack(**stack.given(REFRESH, 0))
    assert stack.settle() == "UPDATE_COMPLETE", stack.news()[-12:]
    assert stack.group.refreshed()["Status"] == "Successful"
    assert len(set(versions(stack))) == 1
    assert stack.group.told["LaunchTemplate"]["Version"] == versions(stack)[0]

    # One that cannot launch what it should fails, and the update goes back.
    group = stack.group
    house.cloud.post("faults", {"calls": "ec2:RunInstances", "kind": "no-capacity"})
    stack.api.update_stack(**stack.given(REFRESH, 1))
    eventually(lambda: "ROLLBACK" in stack.status, stack.news)
    assert any(each["StatusCode"] == "Failed" for each in group.activities)
    httpx.delete(f"{house.cloud.url}/_localcloud/faults")
    assert stack.settle() == "UPDATE_ROLLBACK_COMPLETE", stack.news()[-12:]
    assert len(set(versions(stack))) == 1

    stack.api.delete_stack(StackName=stack.name)
    assert stack.settle() == "gone"
    left = house.client("ec2").describe_instances(
        Filters=[{"Name": "instance-state-name", "Values": ["pending", "running", "stopping"]}]
    )["Reservations"]
    assert left == []
    assert house.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"] == []


QUIET = "{AutoScalingRollingUpdate: {MinInstancesInService: 1, MaxBatchSize: 1}}"


def test_an_update_goes_on_after_kill_9_and_can_be_cancelled(house: House) -> None:
    stack = Stack(house, "killed-stack")
    with Signals(stack, lambda _: "SUCCESS"):
        stack.api.create_stack(**stack.given(QUIET, 0))
        assert stack.settle() == "CREATE_COMPLETE", stack.news()[-12:]
    stack.api.update_stack(**stack.given(QUIET, 1))
    eventually(lambda: any("(Progress 50%)" in line for line in stack.news()), stack.news)
    eventually(lambda: house.cloud.status()["saved"])
    house.cloud.kill()
    house.cloud.start()
    assert stack.settle() == "UPDATE_COMPLETE", stack.news()[-12:]
    assert versions(stack) == ["2", "2"]

    # Nothing can be launched: the refresh waits, until somebody cancels the update.
    before = set(stack.group.instances)
    house.cloud.post("faults", {"calls": "ec2:RunInstances", "kind": "no-capacity"})
    stack.api.update_stack(**stack.given(REFRESH, 0))
    eventually(lambda: any("Instance refresh" in line for line in stack.news()), stack.news)
    eventually(lambda: set(stack.group.instances) != before, stack.news)
    stack.api.cancel_update_stack(StackName=stack.name)
    httpx.delete(f"{house.cloud.url}/_localcloud/faults")
    assert stack.settle() == "UPDATE_ROLLBACK_COMPLETE", stack.news()[-12:]
    # One that was launched as the refresh ended may be on its way out.
    eventually(lambda: versions(stack) == ["2", "2"], stack.news)
    told = stack.group.api.describe_instance_refreshes(AutoScalingGroupName=stack.group.name)
    assert told["InstanceRefreshes"][-1]["Status"] == "Cancelled"
    stack.api.delete_stack(StackName=stack.name)
    assert stack.settle() == "gone"
