"""Elastic Load Balancing: groups and their targets, listeners and rules, without a balancer's cost
where there need not be one."""

from __future__ import annotations

from typing import Any

import pytest
from tests.contract.localcloud.conformance.conftest import refused
from tests.contract.localcloud.conformance.documentation import costs, follows, operation

RULES = follows(
    "Elastic Load Balancing user guide, Listener rules for your Application Load Balancer",
    "elasticloadbalancing/latest/application/listener-rules.html",
)


@pytest.fixture
def elb(world: Any) -> Any:
    return world.client("elbv2")


def group(world: Any, **more: Any) -> str:
    elb = world.client("elbv2")
    given = {
        "Name": world.name("group"), "Protocol": "HTTP", "Port": 8080, "TargetType": "ip",
        "VpcId": world.network["VpcId"],
    }  # fmt: skip
    made = elb.create_target_group(**{**given, **more})["TargetGroups"][0]["TargetGroupArn"]
    world.kept(elb.delete_target_group, TargetGroupArn=made)
    return str(made)


def health(elb: Any, of: str) -> dict[str, tuple[str, str]]:
    told = elb.describe_target_health(TargetGroupArn=of)["TargetHealthDescriptions"]
    return {
        e["Target"]["Id"]: (e["TargetHealth"]["State"], e["TargetHealth"].get("Reason", ""))
        for e in told
    }


def address(world: Any, last: int = 251) -> str:
    """An address of the first subnet that nothing has."""
    return str(world.subnets[0]["CidrBlock"].rpartition(".")[0]) + f".{last}"


@operation("Elastic Load Balancing", "CreateTargetGroup")
def test_a_group_has_the_documented_defaults(world: Any, elb: Any) -> None:
    arn = group(world)
    [told] = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"]
    assert (
        told["HealthCheckProtocol"], told["HealthCheckPort"], told["HealthCheckPath"],
        told["HealthCheckIntervalSeconds"], told["HealthCheckTimeoutSeconds"],
        told["HealthyThresholdCount"], told["UnhealthyThresholdCount"], told["Matcher"],
    ) == ("HTTP", "traffic-port", "/", 30, 5, 5, 2, {"HttpCode": "200"})  # fmt: skip
    attributes = elb.describe_target_group_attributes(TargetGroupArn=arn)["Attributes"]
    found = {each["Key"]: each["Value"] for each in attributes}
    assert found["deregistration_delay.timeout_seconds"] == "300"
    assert found["stickiness.enabled"] == "false"
    assert found["load_balancing.algorithm.type"] == "round_robin"


@operation("Elastic Load Balancing", "DescribeTargetHealth")
@operation("Elastic Load Balancing", "RegisterTargets")
def test_a_target_that_no_balancer_uses_is_unused(world: Any, elb: Any) -> None:
    arn, target = group(world), address(world)
    assert health(elb, arn) == {}
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    assert health(elb, arn) == {target: ("unused", "Target.NotInUse")}
    elb.deregister_targets(TargetGroupArn=arn, Targets=[{"Id": target}])
    world.until(lambda: health(elb, arn) == {}, lambda: health(elb, arn))
    with_none = elb.describe_target_health(TargetGroupArn=arn, Targets=[{"Id": target}])
    [told] = with_none["TargetHealthDescriptions"]
    assert told["TargetHealth"]["Reason"] == "Target.NotRegistered"


@operation("Elastic Load Balancing", "CreateTargetGroup")
@operation("Elastic Load Balancing", "RegisterTargets")
def test_groups_and_targets_that_cannot_be(world: Any, elb: Any) -> None:
    arn = group(world)
    assert refused(elb.register_targets, TargetGroupArn=arn, Targets=[{"Id": "nonsense"}])[0] == (
        "ValidationError"
    )
    gone = arn[:-4] + "0000"
    assert refused(elb.describe_target_health, TargetGroupArn=gone)[0] == "TargetGroupNotFound"
    name = elb.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]["TargetGroupName"]
    asked = {"Name": name, "Protocol": "HTTP", "Port": 8081, "VpcId": world.network["VpcId"]}
    assert refused(elb.create_target_group, **asked)[0] == "DuplicateTargetGroupName"
    for wrong in ({"Name": "-a"}, {"Name": "a" * 33}, {"Name": "a_b"}):
        assert refused(elb.create_target_group, **{**asked, **wrong})[0] == "ValidationError"


@operation("Elastic Load Balancing", "CreateLoadBalancer")
@RULES
@costs("an application load balancer", 10)
def test_rules_decide_in_their_order(world: Any, elb: Any) -> None:
    subnets = [each["SubnetId"] for each in world.subnets[:2]]
    name = world.name("front")
    assert refused(elb.create_load_balancer, Name=name, Subnets=subnets[:1])[0] == (
        "ValidationError"
    )
    arn = group(world)
    made = elb.create_load_balancer(Name=name, Subnets=subnets, Scheme="internal")
    balancer = made["LoadBalancers"][0]["LoadBalancerArn"]
    world.kept(elb.delete_load_balancer, LoadBalancerArn=balancer)
    assert made["LoadBalancers"][0]["State"]["Code"] == "provisioning"
    listener = elb.create_listener(
        LoadBalancerArn=balancer, Protocol="HTTP", Port=80,
        DefaultActions=[{"Type": "forward", "TargetGroupArn": arn}],
    )["Listeners"][0]["ListenerArn"]  # fmt: skip
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "503"}}
    path = {"Field": "path-pattern", "Values": ["/old/*"]}
    rule = {"ListenerArn": listener, "Conditions": [path], "Actions": [fixed]}
    elb.create_rule(**rule, Priority=10)
    assert refused(elb.create_rule, **rule, Priority=10)[0] == "PriorityInUse"
    told = elb.describe_rules(ListenerArn=listener)["Rules"]
    assert [(each["Priority"], each["IsDefault"]) for each in told] == [
        ("10", False), ("default", True),
    ]  # fmt: skip
    assert refused(elb.delete_rule, RuleArn=told[1]["RuleArn"])[0] == "OperationNotPermitted"
    assert refused(elb.delete_target_group, TargetGroupArn=arn)[0] == "ResourceInUse"
    again = {"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [fixed]}
    assert refused(elb.create_listener, **again)[0] == "DuplicateListener"
    elb.register_targets(TargetGroupArn=arn, Targets=[{"Id": address(world)}])
    assert health(elb, arn)[address(world)][0] == "initial"
    world.until(
        lambda: (
            elb.describe_load_balancers(LoadBalancerArns=[balancer])["LoadBalancers"][0]["State"][
                "Code"
            ]
            == "active"
        )
    )
