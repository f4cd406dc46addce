"""Auto Scaling groups with real machines.

Follows the EC2 Auto Scaling user guide: "Health checks for instances in an Auto Scaling group",
"How lifecycle hooks work", "Verify a scaling activity", "How an instance refresh works".
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from .groups import Group, House, eventually, open_house

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="making a base needs root"),
    pytest.mark.timeout(900),
]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("groups") / "c") as made:
        yield made


@pytest.fixture
def group(house: House, request: pytest.FixtureRequest) -> Iterator[Group]:
    made = house.group(request.node.name[:60], **getattr(request, "param", {}))
    yield made
    httpx.delete(f"{house.cloud.url}/_localcloud/faults")
    made.end()


def put_version(house: House, group: Group, image: str, **more: Any) -> None:
    house.client("ec2").create_launch_template_version(
        LaunchTemplateName=group.name,
        LaunchTemplateData={"ImageId": image, "InstanceType": "t3.nano", **more},
    )


@pytest.mark.parametrize("group", [{"desired": 2}], indirect=True)
def test_what_is_killed_or_said_to_be_sick_is_replaced(house: House, group: Group) -> None:
    first, second = group.serving(2)
    zones = {each["AvailabilityZone"] for each in group.instances.values()}
    assert zones == {"eu-west-1a", "eu-west-1b"}
    tags = house.client("ec2").describe_instances(InstanceIds=[first])["Reservations"][0][
        "Instances"
    ][0]["Tags"]
    assert {"Key": "aws:autoscaling:groupName", "Value": group.name} in tags

    house.cloud.post(f"instances/{first}/kill")
    group.serving(2, without=first)
    group.api.set_instance_health(
        InstanceId=second, HealthStatus="Unhealthy", ShouldRespectGracePeriod=False
    )
    group.serving(2, without=second)
    causes = " ".join(each["Cause"] for each in group.activities)
    assert "taken out of service in response to EC2 instance status checks failure" in causes
    assert "taken out of service in response to a user health-check" in causes
    assert "launched in response to an unhealthy instance needing to be replaced" in causes
    assert {each["StatusCode"] for each in group.activities} == {"Successful"}


def test_hooks_hold_instances_until_they_are_answered(house: House, group: Group) -> None:
    [first] = group.serving(1)
    for name, transition in (("up", "LAUNCHING"), ("down", "TERMINATING")):
        group.api.put_lifecycle_hook(
            AutoScalingGroupName=group.name, LifecycleHookName=name,
            LifecycleTransition=f"autoscaling:EC2_INSTANCE_{transition}",
        )  # fmt: skip
    answer = {"AutoScalingGroupName": group.name, "LifecycleActionResult": "CONTINUE"}
    group.api.terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=False
    )
    assert group.state("Terminating:Wait") == first
    second = group.state("Pending:Wait")
    group.api.record_lifecycle_action_heartbeat(
        AutoScalingGroupName=group.name, LifecycleHookName="up", InstanceId=second
    )
    group.api.complete_lifecycle_action(LifecycleHookName="up", InstanceId=second, **answer)
    group.api.complete_lifecycle_action(LifecycleHookName="down", InstanceId=first, **answer)
    assert group.serving(1) == [second]
    with pytest.raises(ClientError, match="No active Lifecycle Action found"):
        group.api.complete_lifecycle_action(LifecycleHookName="up", InstanceId=second, **answer)


@pytest.mark.parametrize("group", [{"desired": 0}], indirect=True)
def test_without_capacity_another_zone_is_tried_and_then_the_same_again(
    house: House, group: Group
) -> None:
    here = {"calls": "ec2:RunInstances", "kind": "no-capacity", "type": "t3.*"}
    house.cloud.post("faults", {**here, "zone": "eu-west-1a"})
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    group.serving(1)
    [found] = group.instances.values()
    assert found["AvailabilityZone"] == "eu-west-1b"
    failed = [each for each in group.activities if each["StatusCode"] == "Failed"]
    assert "do not have sufficient t3.nano capacity" in failed[0]["StatusMessage"]
    assert "eu-west-1a" in failed[0]["Description"]
    httpx.delete(f"{house.cloud.url}/_localcloud/faults")
    group.api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=2)
    group.serving(2)
    zones = {each["AvailabilityZone"] for each in group.instances.values()}
    assert zones == {"eu-west-1a", "eu-west-1b"}


@pytest.mark.parametrize("group", [{"desired": 2}], indirect=True)
def test_a_refresh_goes_on_after_kill_9_and_replaces_all(house: House, group: Group) -> None:
    before = group.serving(2)
    put_version(house, group, house.images[1])
    group.api.start_instance_refresh(
        AutoScalingGroupName=group.name,
        Preferences={"MinHealthyPercentage": 50, "InstanceWarmup": 0, "SkipMatching": True},
    )
    group.serving(2, without=before[0]) if before[0] in group.instances else None
    eventually(lambda: house.cloud.status()["saved"])
    house.cloud.kill()
    house.cloud.start()
    assert group.refreshed()["Status"] == "Successful"
    after = group.serving(2)
    assert not {*before} & {*after}
    assert {e["LaunchTemplate"]["Version"] for e in group.instances.values()} == {"2"}


def test_a_refresh_rolls_back_when_its_alarm_rings(house: House, group: Group) -> None:
    [before] = group.serving(1)
    house.client("cloudwatch").put_metric_alarm(
        AlarmName="too-many-errors", Namespace="Greeter", MetricName="Errors", Statistic="Sum",
        Period=60, EvaluationPeriods=1, Threshold=1, ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="ignore",
    )  # fmt: skip
    put_version(house, group, house.images[1])
    named = {"LaunchTemplateName": group.name}
    group.api.update_auto_scaling_group(
        AutoScalingGroupName=group.name, LaunchTemplate={**named, "Version": "1"}
    )
    group.api.start_instance_refresh(
        AutoScalingGroupName=group.name,
        DesiredConfiguration={"LaunchTemplate": {**named, "Version": "2"}},
        Preferences={
            "MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "InstanceWarmup": 600,
            "AutoRollback": True, "AlarmSpecification": {"Alarms": ["too-many-errors"]},
        },
    )  # fmt: skip
    eventually(lambda: len(group.instances) == 2, group.story)
    house.client("cloudwatch").set_alarm_state(
        AlarmName="too-many-errors", StateValue="ALARM", StateReason="seen"
    )
    told = group.refreshed()
    assert told["Status"] == "RollbackSuccessful"
    assert "too-many-errors" in told["RollbackDetails"]["RollbackReason"]
    assert group.serving(1) == [before]
    assert group.told["LaunchTemplate"]["Version"] == "1"


def test_what_is_not_simulated_is_refused_by_name(house: House) -> None:
    api = house.client("autoscaling")
    sizes = {"MinSize": 0, "MaxSize": 1, "AvailabilityZones": ["eu-west-1a"]}

    def refused(call: Any, **given: Any) -> str:
        with pytest.raises(ClientError) as caught:
            call(**given)
        return str(caught.value.response["Error"]["Message"])

    make = api.create_auto_scaling_group
    assert "LaunchConfigurationName of CreateAutoScalingGroup" in refused(
        make, AutoScalingGroupName="a", LaunchConfigurationName="b", **sizes
    )
    assert "Action PutWarmPool is known to AWS" in refused(
        api.put_warm_pool, AutoScalingGroupName="a"
    )
    assert "not found" in refused(
        api.set_desired_capacity, AutoScalingGroupName="a", DesiredCapacity=1
    )
    assert "Desired capacity:5 must be between" in refused(
        make, AutoScalingGroupName="a", LaunchTemplate={"LaunchTemplateName": "bcd"},
        **sizes, DesiredCapacity=5,
    )  # fmt: skip


def test_who_fails_the_balancers_check_is_replaced_and_a_refresh_waits_for_it(
    house: House,
    long: bool,
) -> None:
    """The health that HAProxy sees is the group's, and a new instance's before the old one goes."""
    if not long:
        pytest.skip("boots several machines; runs with --all")
    if house.cloud.status()["networks"] != "a namespace per VPC":
        pytest.skip("balancers need networks")
    elb, vpc = house.client("elbv2"), house.client("ec2").describe_vpcs()["Vpcs"][0]["VpcId"]
    ec2 = house.client("ec2")
    open_to_all = ec2.create_security_group(GroupName="front", Description="d", VpcId=vpc)[
        "GroupId"
    ]
    ec2.authorize_security_group_ingress(
        GroupId=open_to_all, IpProtocol="tcp", FromPort=0, ToPort=65535, CidrIp="0.0.0.0/0"
    )
    balancer = elb.create_load_balancer(
        Name="front", Subnets=house.subnets, SecurityGroups=[open_to_all]
    )["LoadBalancers"][0]
    target = elb.create_target_group(
        Name="greeters", Protocol="HTTP", Port=8080, VpcId=vpc, HealthCheckPath="/health",
        HealthCheckIntervalSeconds=5, HealthCheckTimeoutSeconds=2, UnhealthyThresholdCount=2,
        HealthyThresholdCount=2,
    )["TargetGroups"][0]["TargetGroupArn"]  # fmt: skip
    elb.modify_target_group_attributes(
        TargetGroupArn=target,
        Attributes=[{"Key": "deregistration_delay.timeout_seconds", "Value": "1"}],
    )
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": target}],
    )  # fmt: skip
    house.template("behind", SecurityGroupIds=[open_to_all])
    group = house.group(
        "behind", LaunchTemplate={"LaunchTemplateName": "behind", "Version": "$Latest"},
        TargetGroupARNs=[target], HealthCheckType="ELB", HealthCheckGracePeriod=40,
    )  # fmt: skip

    def healthy() -> list[str]:
        told = elb.describe_target_health(TargetGroupArn=target)["TargetHealthDescriptions"]
        return [e["Target"]["Id"] for e in told if e["TargetHealth"]["State"] == "healthy"]

    try:
        [first] = group.serving(1)
        eventually(
            lambda: healthy() == [first], lambda: elb.describe_target_health(TargetGroupArn=target)
        )
        put_version(house, group, house.images[1], SecurityGroupIds=[open_to_all])
        group.api.start_instance_refresh(
            AutoScalingGroupName=group.name,
            Preferences={
                "MinHealthyPercentage": 100, "MaxHealthyPercentage": 200, "InstanceWarmup": 0,
            },
        )  # fmt: skip
        eventually(lambda: len(healthy()) == 2, group.story)
        assert group.refreshed()["Status"] == "Successful"
        [second] = group.serving(1, without=first)
        assert healthy() == [second]
        elb.modify_target_group(TargetGroupArn=target, HealthCheckPath="/nothing-here")
        eventually(lambda: second not in group.instances, group.story)
        causes = " ".join(each["Cause"] for each in group.activities)
        assert "in response to an ELB system health check failure" in causes
    finally:
        group.end()
        elb.delete_load_balancer(LoadBalancerArn=balancer["LoadBalancerArn"])


def test_instances_are_set_aside_detached_attached_and_acted_on_by_alarms(
    house: House, group: Group
) -> None:
    """ "Temporarily remove instances", "Detach or attach instances", alarms with EC2's actions."""
    ec2, api = house.client("ec2"), group.api
    [one] = group.serving(1)
    named = {"AutoScalingGroupName": group.name, "InstanceIds": [one]}
    api.set_instance_protection(**named, ProtectedFromScaleIn=True)
    api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=0)
    eventually(lambda: group.told["DesiredCapacity"] == 0)
    assert group.instances[one]["LifecycleState"] == "InService"
    api.set_desired_capacity(AutoScalingGroupName=group.name, DesiredCapacity=1)
    api.enter_standby(**named, ShouldDecrementDesiredCapacity=True)
    assert group.instances[one]["LifecycleState"] == "Standby"
    api.exit_standby(**named)
    assert group.serving(1) == [one]
    api.detach_instances(**named, ShouldDecrementDesiredCapacity=True)
    assert (group.instances, group.told["DesiredCapacity"]) == ({}, 0)
    api.attach_instances(**named)
    assert group.serving(1) == [one]
    api.detach_instances(**named, ShouldDecrementDesiredCapacity=True)

    watch = house.client("cloudwatch")
    dimensions = [{"Name": "InstanceId", "Value": one}]
    eventually(
        lambda: (
            "CPUUtilization"
            in [m["MetricName"] for m in watch.list_metrics(Dimensions=dimensions)["Metrics"]]
        )
    )
    for action, state in (("recover", "running"), ("stop", "stopped"), ("terminate", "terminated")):
        watch.put_metric_alarm(
            AlarmName=action, Namespace="AWS/EC2", MetricName="StatusCheckFailed_System",
            Statistic="Maximum", Period=60, EvaluationPeriods=1, Threshold=0.5,
            ComparisonOperator="GreaterThanThreshold", Dimensions=dimensions,
            TreatMissingData="ignore", AlarmActions=[f"arn:aws:automate:eu-west-1:ec2:{action}"],
        )  # fmt: skip
        watch.set_alarm_state(AlarmName=action, StateValue="ALARM", StateReason="asked")

        def acted(action: str = action, state: str = state) -> bool:
            told = watch.describe_alarm_history(AlarmName=action, HistoryItemType="Action")
            found = ec2.describe_instances(InstanceIds=[one])["Reservations"][0]["Instances"][0]
            return bool(told["AlarmHistoryItems"]) and found["State"]["Name"] == state

        eventually(acted)
