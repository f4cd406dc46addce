"""Groups in stacks, where no machine is needed: hooks, policies, drift, policies of updates.

Follows the CloudFormation template reference of AWS::AutoScaling::AutoScalingGroup, LifecycleHook
and ScalingPolicy, and "UpdatePolicy attribute".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.in_sync import differences, differing

from .conftest import LocalCloud
from .groups import eventually

BODY = """
Parameters: {Image: {Type: String}}
Resources:
  Template:
    Type: AWS::EC2::LaunchTemplate
    Properties: {LaunchTemplateData: {ImageId: !Ref Image, InstanceType: TYPE}}
  Servers:
    Type: AWS::AutoScaling::AutoScalingGroup
    UpdatePolicy: UPDATE
    Properties:
      MinSize: "0"
      MaxSize: "MOST"
      AvailabilityZones: [eu-west-1a, eu-west-1b]
      Cooldown: "60"
      HealthCheckGracePeriod: 30
      LaunchTemplate:
        LaunchTemplateId: !Ref Template
        Version: !GetAtt Template.LatestVersionNumber
      LifecycleHookSpecificationList:
        - {LifecycleHookName: up, LifecycleTransition: "autoscaling:EC2_INSTANCE_LAUNCHING"}
      Tags: [{Key: Name, Value: server, PropagateAtLaunch: true}]
  Down:
    Type: AWS::AutoScaling::LifecycleHook
    Properties:
      AutoScalingGroupName: !Ref Servers
      LifecycleTransition: autoscaling:EC2_INSTANCE_TERMINATING
      HeartbeatTimeout: 60
      DefaultResult: ABANDON
  Cpu:
    Type: AWS::AutoScaling::ScalingPolicy
    Properties:
      AutoScalingGroupName: !Ref Servers
      PolicyType: TargetTrackingScaling
      TargetTrackingConfiguration:
        PredefinedMetricSpecification: {PredefinedMetricType: ASGAverageCPUUtilization}
        TargetValue: TARGET
Outputs:
  Group: {Value: !Ref Servers}
  Policy: {Value: !Ref Cpu}
"""


class Stack:
    def __init__(self, cloud: LocalCloud) -> None:
        self.api, self.groups = cloud.client("cloudformation"), cloud.client("autoscaling")
        self.ec2 = ec2 = cloud.client("ec2")
        volume = ec2.create_volume(AvailabilityZone="eu-west-1a", Size=1)["VolumeId"]
        snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
        self.image = ec2.register_image(
            Name="none", RootDeviceName="/dev/xvda",
            BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": snapshot}}],
        )["ImageId"]  # fmt: skip

    def given(self, **changed: str) -> dict[str, Any]:
        values = {"TYPE": "t3.nano", "MOST": "4", "TARGET": "50", "UPDATE": "{}", **changed}
        body = BODY
        for key, value in values.items():
            body = body.replace(key, value)
        image = {"ParameterKey": "Image", "ParameterValue": self.image}
        return {"StackName": "groups", "TemplateBody": body, "Parameters": [image]}

    def create(self, **changed: str) -> str:
        self.api.create_stack(**self.given(**changed))
        return self.settle()

    def update(self, **changed: str) -> str:
        self.api.update_stack(**self.given(**changed))
        return self.settle()

    def settle(self) -> str:
        def status() -> str:
            try:
                told = self.api.describe_stacks(StackName="groups")["Stacks"][0]["StackStatus"]
            except ClientError:
                return "gone"
            return "" if told.endswith("IN_PROGRESS") else str(told)

        return str(eventually(status, self.events))

    def events(self) -> list[str]:
        told = self.api.describe_stack_events(StackName="groups")["StackEvents"]
        return [f"{e['LogicalResourceId']} {e.get('ResourceStatusReason', '')}" for e in told]

    def output(self, key: str) -> str:
        outputs = self.api.describe_stacks(StackName="groups")["Stacks"][0]["Outputs"]
        return str(next(each["OutputValue"] for each in outputs if each["OutputKey"] == key))

    def physical(self, key: str) -> str:
        told = self.api.describe_stack_resource(StackName="groups", LogicalResourceId=key)
        return str(told["StackResourceDetail"]["PhysicalResourceId"])

    @property
    def group(self) -> dict[str, Any]:
        told = self.groups.describe_auto_scaling_groups(
            AutoScalingGroupNames=[self.output("Group")]
        )
        return dict(told["AutoScalingGroups"][0])

    def drift(self) -> dict[str, str]:
        identifier = self.api.detect_stack_drift(StackName="groups")["StackDriftDetectionId"]

        def done() -> bool:
            told = self.api.describe_stack_drift_detection_status(StackDriftDetectionId=identifier)
            return bool(told["DetectionStatus"] == "DETECTION_COMPLETE")

        eventually(done)
        told = self.api.describe_stack_resource_drifts(StackName="groups")["StackResourceDrifts"]
        return {e["LogicalResourceId"]: e["StackResourceDriftStatus"] for e in told}


@pytest.fixture
def stack(cloud: LocalCloud) -> Stack:
    return Stack(cloud)


def test_all_that_a_group_has_is_made_read_back_changed_and_removed(stack: Stack) -> None:
    assert stack.create() == "CREATE_COMPLETE", stack.events()
    group, name = stack.group, stack.output("Group")
    assert (group["DefaultCooldown"], group["HealthCheckGracePeriod"]) == (60, 30)
    tags = {each["Key"]: each["PropagateAtLaunch"] for each in group["Tags"]}
    assert tags["Name"]
    assert tags["aws:cloudformation:logical-id"]
    hooks = stack.groups.describe_lifecycle_hooks(AutoScalingGroupName=name)["LifecycleHooks"]
    assert len(hooks) == 2
    assert {"Servers": "IN_SYNC", "Down": "IN_SYNC", "Cpu": "IN_SYNC"}.items() <= (
        stack.drift().items()
    )
    stack.groups.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=3)
    stack.groups.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName="up")
    assert stack.drift()["Servers"] == "MODIFIED"

    assert stack.update(MOST="5", TARGET="40", TYPE="t3.micro") == "UPDATE_COMPLETE"
    assert stack.output("Group") == name
    assert (stack.group["MaxSize"], stack.group["LaunchTemplate"]["Version"]) == (5, "2")
    told = stack.groups.describe_policies(AutoScalingGroupName=name)["ScalingPolicies"]
    assert [e["TargetTrackingConfiguration"]["TargetValue"] for e in told] == [40]
    assert set(stack.drift().values()) == {"IN_SYNC"}

    stack.api.delete_stack(StackName="groups")
    assert stack.settle() == "gone"
    assert stack.groups.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert stack.groups.describe_policies()["ScalingPolicies"] == []


def test_what_is_changed_by_hand_is_found_and_so_is_its_undoing(stack: Stack) -> None:
    assert stack.create() == "CREATE_COMPLETE", stack.events()
    assert differing(stack.api, "groups") == {}
    name, groups = stack.output("Group"), stack.groups
    down, policy = (stack.physical(each) for each in ("Down", "Cpu"))
    tag = {"ResourceId": name, "ResourceType": "auto-scaling-group", "Key": "Name"}

    def group(**given: Any) -> Callable[[], Any]:
        return lambda: groups.update_auto_scaling_group(AutoScalingGroupName=name, **given)

    def hook(hook_name: str, **given: Any) -> Callable[[], Any]:
        return lambda: groups.put_lifecycle_hook(
            AutoScalingGroupName=name, LifecycleHookName=hook_name, **given
        )

    def target(value: float) -> Callable[[], Any]:
        metric = {"PredefinedMetricType": "ASGAverageCPUUtilization"}
        return lambda: groups.put_scaling_policy(
            AutoScalingGroupName=name,
            PolicyName=policy.rpartition("/")[2],
            PolicyType="TargetTrackingScaling",
            TargetTrackingConfiguration={
                "PredefinedMetricSpecification": metric,
                "TargetValue": value,
            },
        )

    def named(value: str) -> Callable[[], Any]:
        return lambda: groups.create_or_update_tags(
            Tags=[{**tag, "Value": value, "PropagateAtLaunch": True}]
        )

    own = "/LifecycleHookSpecificationList/0"
    for where, paths, change, undo in (
        ("Servers", ["/MaxSize"], group(MaxSize=3), group(MaxSize=4)),
        ("Servers", ["/Cooldown"], group(DefaultCooldown=90), group(DefaultCooldown=60)),
        ("Servers", ["/Tags/0/Value"], named("mine"), named("server")),
        (
            "Servers",
            [own],
            lambda: groups.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName="up"),
            hook("up", LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING"),
        ),
        ("Down", ["/HeartbeatTimeout"], hook(down, HeartbeatTimeout=90),
         hook(down, HeartbeatTimeout=60)),
        ("Down", ["/DefaultResult"], hook(down, DefaultResult="CONTINUE"),
         hook(down, DefaultResult="ABANDON")),
        ("Cpu", ["/TargetTrackingConfiguration/TargetValue"], target(40), target(50)),
    ):  # fmt: skip
        change()
        assert differences(stack.api, "groups") == {where: paths}
        undo()
        assert differing(stack.api, "groups") == {}, paths
    groups.delete_policy(AutoScalingGroupName=name, PolicyName=policy)
    groups.delete_lifecycle_hook(AutoScalingGroupName=name, LifecycleHookName=down)
    assert differences(stack.api, "groups") == {"Cpu": "deleted", "Down": "deleted"}


def test_a_group_whose_launch_template_is_gone_says_so_and_can_be_deleted(stack: Stack) -> None:
    assert stack.create() == "CREATE_COMPLETE", stack.events()
    name, ec2 = stack.output("Group"), stack.ec2
    ec2.delete_launch_template(LaunchTemplateId=stack.group["LaunchTemplate"]["LaunchTemplateId"])
    stack.groups.set_desired_capacity(AutoScalingGroupName=name, DesiredCapacity=1)

    def failed() -> list[str]:
        told = stack.groups.describe_scaling_activities(AutoScalingGroupName=name)["Activities"]
        return [each["StatusMessage"] for each in told if each["StatusCode"] == "Failed"]

    assert "launch template" in eventually(failed)[0]
    stack.groups.delete_auto_scaling_group(AutoScalingGroupName=name, ForceDelete=True)
    eventually(lambda: not stack.groups.describe_auto_scaling_groups()["AutoScalingGroups"])


def test_a_replacing_update_makes_a_new_group(stack: Stack) -> None:
    will = "{AutoScalingReplacingUpdate: {WillReplace: true}}"
    assert stack.create(UPDATE=will) == "CREATE_COMPLETE", stack.events()
    first = stack.output("Group")
    assert stack.update(UPDATE=will, MOST="5") == "UPDATE_COMPLETE"
    assert stack.output("Group") == first
    assert stack.update(UPDATE=will, MOST="5", TYPE="t3.micro") == "UPDATE_COMPLETE"
    assert stack.output("Group") != first
    told = stack.groups.describe_auto_scaling_groups()["AutoScalingGroups"]
    assert len(told) == 1


def test_sizes_that_somebody_changed_are_left_alone_where_the_policy_says_so(
    stack: Stack,
) -> None:
    keep = "{AutoScalingScheduledAction: {IgnoreUnmodifiedGroupSizeProperties: true}}"
    assert stack.create(UPDATE=keep) == "CREATE_COMPLETE", stack.events()
    name = stack.output("Group")
    stack.groups.update_auto_scaling_group(AutoScalingGroupName=name, MaxSize=9)
    assert stack.update(UPDATE=keep, TYPE="t3.micro") == "UPDATE_COMPLETE"
    assert stack.group["MaxSize"] == 9
    assert stack.update(TYPE="t3.small") == "UPDATE_COMPLETE"
    assert stack.group["MaxSize"] == 4


def test_policies_that_cannot_be_are_refused(stack: Stack) -> None:
    with pytest.raises(ClientError, match=r"UpdatePolicy/UseOnlineResharding of AWS::AutoScaling"):
        stack.create(UPDATE="{UseOnlineResharding: true}")
    both = "{AutoScalingRollingUpdate: {MaxBatchSize: 1}, AutoScalingInstanceRefresh: {Strategy: Rolling}}"  # noqa: E501
    with pytest.raises(ClientError, match="exclude each other"):
        stack.create(UPDATE=both)
