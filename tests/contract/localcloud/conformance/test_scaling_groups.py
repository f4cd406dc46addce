"""EC2 Auto Scaling: groups, their hooks and policies, mostly of no instance."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import costs, follows, operation

HOOKS = follows(
    "EC2 Auto Scaling user guide, How lifecycle hooks work",
    "autoscaling/ec2/userguide/lifecycle-hooks-overview.html",
)


@pytest.fixture
def api(world: Any) -> Any:
    return world.client("autoscaling")


def template(world: Any) -> str:
    name = world.name("template")
    made = world.ec2.create_launch_template(
        LaunchTemplateName=name,
        LaunchTemplateData={"ImageId": world.images[0], "InstanceType": "t3.nano"},
    )
    world.kept(world.ec2.delete_launch_template,
               LaunchTemplateId=made["LaunchTemplate"]["LaunchTemplateId"])  # fmt: skip
    return name


@pytest.fixture
def group(world: Any, api: Any) -> str:
    """A group of nobody, that may have two."""
    name = world.name("group")
    launched = {"LaunchTemplateName": template(world), "Version": "$Latest"}
    api.create_auto_scaling_group(
        AutoScalingGroupName=name, MinSize=0, MaxSize=2, LaunchTemplate=launched,
        VPCZoneIdentifier=world.network["SubnetId"],
    )  # fmt: skip
    world.kept(api.delete_auto_scaling_group, AutoScalingGroupName=name, ForceDelete=True)
    return name


def told(api: Any, group: str) -> dict[str, Any]:
    found = api.describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    return dict(found[0]) if found else {}


@operation("EC2 Auto Scaling", "CreateAutoScalingGroup")
def test_a_group_has_the_documented_defaults(world: Any, api: Any, group: str) -> None:
    found = told(api, group)
    assert (
        found["DesiredCapacity"], found["DefaultCooldown"], found["HealthCheckType"],
        found["TerminationPolicies"], found["NewInstancesProtectedFromScaleIn"], found["Instances"],
    ) == (0, 300, "EC2", ["Default"], False, [])  # fmt: skip
    assert found["AvailabilityZones"] == [world.zones[0]]
    assert f":autoScalingGroupName/{group}" in found["AutoScalingGroupARN"]


@operation("EC2 Auto Scaling", "CreateAutoScalingGroup")
@operation("EC2 Auto Scaling", "SetDesiredCapacity")
def test_what_a_group_cannot_be(world: Any, api: Any, group: str) -> None:
    launched = {"LaunchTemplateName": template(world), "Version": "$Latest"}
    asked = {
        "AutoScalingGroupName": world.name("other"), "MinSize": 0, "MaxSize": 1,
        "LaunchTemplate": launched, "VPCZoneIdentifier": world.network["SubnetId"],
    }  # fmt: skip
    create = api.create_auto_scaling_group
    assert refused(create, **{**asked, "AutoScalingGroupName": group})[0] == "AlreadyExists"
    for wrong in ({"MinSize": 2}, {"DesiredCapacity": 5}, {"LaunchTemplate": None}):
        given = {key: value for key, value in {**asked, **wrong}.items() if value is not None}
        assert refused(create, **given)[0] == "ValidationError"
    size = {"AutoScalingGroupName": group, "DesiredCapacity": 3}
    assert refused(api.set_desired_capacity, **size)[0] == "ValidationError"
    nobody = {"AutoScalingGroupName": world.name("nobody")}
    assert refused(api.update_auto_scaling_group, **nobody, MaxSize=1)[0] == "ValidationError"
    assert api.describe_auto_scaling_groups(
        AutoScalingGroupNames=[nobody["AutoScalingGroupName"]]
    )["AutoScalingGroups"] == []  # fmt: skip


@operation("EC2 Auto Scaling", "PutLifecycleHook")
@HOOKS
def test_hooks_are_kept_with_their_defaults(api: Any, group: str) -> None:
    asked = {
        "AutoScalingGroupName": group, "LifecycleHookName": "up",
        "LifecycleTransition": "autoscaling:EC2_INSTANCE_LAUNCHING",
    }  # fmt: skip
    api.put_lifecycle_hook(**asked)
    [hook] = api.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"]
    assert (hook["HeartbeatTimeout"], hook["DefaultResult"], hook["GlobalTimeout"]) == (
        3600, "ABANDON", 172800,
    )  # fmt: skip
    wrong = {**asked, "LifecycleTransition": "autoscaling:NONSENSE"}
    assert refused(api.put_lifecycle_hook, **wrong)[0] == "ValidationError"
    api.delete_lifecycle_hook(AutoScalingGroupName=group, LifecycleHookName="up")
    assert api.describe_lifecycle_hooks(AutoScalingGroupName=group)["LifecycleHooks"] == []
    unknown = {
        "AutoScalingGroupName": group, "LifecycleHookName": "up",
        "LifecycleActionResult": "CONTINUE", "InstanceId": "i-0123456789abcdef0",
    }  # fmt: skip
    assert refused(api.complete_lifecycle_action, **unknown)[0] == "ValidationError"


@operation("EC2 Auto Scaling", "PutScalingPolicy")
def test_target_tracking_makes_its_alarms_and_takes_them_along(
    world: Any, api: Any, group: str
) -> None:
    asked = {"AutoScalingGroupName": group, "PolicyName": "cpu"}
    made = api.put_scaling_policy(
        **asked, PolicyType="TargetTrackingScaling",
        TargetTrackingConfiguration={
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ASGAverageCPUUtilization"},
            "TargetValue": 50,
        },
    )  # fmt: skip
    names = [each["AlarmName"] for each in made["Alarms"]]
    alarms = world.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"]
    assert {each["ComparisonOperator"] for each in alarms} == {
        "GreaterThanThreshold", "LessThanThreshold",
    }  # fmt: skip
    assert {each["MetricName"] for each in alarms} == {"CPUUtilization"}
    api.delete_policy(**asked)
    assert world.client("cloudwatch").describe_alarms(AlarmNames=names)["MetricAlarms"] == []


@operation("EC2 Auto Scaling", "StartInstanceRefresh")
@operation("EC2 Auto Scaling", "CancelInstanceRefresh")
def test_a_refresh_that_does_not_run_cannot_be_cancelled(api: Any, group: str) -> None:
    named = {"AutoScalingGroupName": group}
    assert refused(api.cancel_instance_refresh, **named)[0] == "ActiveInstanceRefreshNotFound"
    assert api.describe_instance_refreshes(**named)["InstanceRefreshes"] == []


@HOOKS
@operation("EC2 Auto Scaling", "DescribeScalingActivities")
@costs("two instances t3.nano", 10)
def test_an_instance_waits_for_its_hook_and_is_in_service(world: Any, api: Any, group: str) -> None:
    named = {"AutoScalingGroupName": group}
    api.put_lifecycle_hook(
        **named, LifecycleHookName="up", LifecycleTransition="autoscaling:EC2_INSTANCE_LAUNCHING"
    )
    api.set_desired_capacity(**named, DesiredCapacity=1)

    def states() -> dict[str, str]:
        return {e["InstanceId"]: e["LifecycleState"] for e in told(api, group)["Instances"]}

    world.until(lambda: list(states().values()) == ["Pending:Wait"], states)
    [instance] = states()
    full = refused(api.delete_auto_scaling_group, **named)
    assert full[0] == "ResourceInUse"
    api.complete_lifecycle_action(
        **named, LifecycleHookName="up", InstanceId=instance, LifecycleActionResult="CONTINUE"
    )
    world.until(lambda: states() == {instance: "InService"}, states)
    found = world.ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]
    assert {"Key": "aws:autoscaling:groupName", "Value": group} in found["Tags"]
    api.set_desired_capacity(**named, DesiredCapacity=0)
    world.until(lambda: states() == {}, states)
    activities = api.describe_scaling_activities(**named)["Activities"]
    assert [each["Description"].partition(":")[0] for each in activities] == [
        "Terminating EC2 instance", "Launching a new EC2 instance",
    ]  # fmt: skip
    assert {each["StatusCode"] for each in activities} == {"Successful"}
