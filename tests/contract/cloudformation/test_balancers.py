"""Load balancers and certificates of a stack: made, read back, changed as the schemas say, removed.

Records only: that they are real is seen in `tests/contract/localcloud/balancers`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.contract.cloudformation.read_back import expect_as_asked, expect_everything
from tests.contract.cloudformation.test_whole_vpc import expect_replaced, ids
from tests.contract.drift import detect, drifts

STACK = (Path(__file__).parent / "balancers.yaml").read_text()
ELB = "AWS::ElasticLoadBalancingV2"
TYPES = (
    f"{ELB}::LoadBalancer", f"{ELB}::TargetGroup", f"{ELB}::Listener", f"{ELB}::ListenerRule",
    f"{ELB}::ListenerCertificate", "AWS::CertificateManager::Certificate",
)  # fmt: skip


def test_every_property_is_as_asked_and_nothing_is_left(story: Any) -> None:
    before = left(story.world)
    assert story.create(STACK) == "CREATE_COMPLETE", story.news()
    expect_everything(expect_as_asked(story), TYPES)
    told = story.world.client("acm").describe_certificate(
        CertificateArn=story.physical("Certificate")
    )["Certificate"]
    zone = story.world.client("route53").list_resource_record_sets(
        HostedZoneId=story.physical("Zone")
    )
    names = {each["Name"] for each in zone["ResourceRecordSets"]}
    assert {e["ResourceRecord"]["Name"] for e in told["DomainValidationOptions"]} <= names
    balancer = story.physical("Balancer")
    assert story.outputs["Full"] == balancer.partition(":loadbalancer/")[2]
    assert story.outputs["GroupName"] == story.physical("Group").rpartition(":")[2]
    cards = story.world.ec2.describe_network_interfaces(
        Filters=[{"Name": "description", "Values": [f"ELB {story.outputs['Full']}"]}]
    )["NetworkInterfaces"]
    assert story.outputs["Address"] in [each["Association"]["PublicIp"] for each in cards]
    empty_zone(story)
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert left(story.world) == before


CHANGES = (
    ("Default: green", "Default: blue"),
    ("Subnets: [!Ref A, !Ref B]", "Subnets: [!Ref B, !Ref C]"),
    ("SecurityGroups: [!Ref Front]", "SecurityGroups: [!Ref Front, !Ref Other]"),
    ("{Key: idle_timeout.timeout_seconds, Value: '30'}",
     "{Key: idle_timeout.timeout_seconds, Value: '90'}"),
    ("SubnetMappings: [{SubnetId: !Ref A}, {SubnetId: !Ref B}]",
     "SubnetMappings: [{SubnetId: !Ref A}, {SubnetId: !Ref C}]"),
    ("HealthCheckPath: /health", "HealthCheckPath: /well"),
    ("HealthCheckPort: '8081'", "HealthCheckPort: traffic-port"),
    ("HealthyThresholdCount: 3", "HealthyThresholdCount: 2"),
    ("'200-299'", "'200'"),
    ("        - {Key: stickiness.enabled, Value: 'true'}\n", ""),
    ("Targets: [{Id: 10.30.0.77, Port: 8080}", "Targets: [{Id: 10.30.0.78, Port: 8080}"),
    ("Port: '443', StatusCode: HTTP_301", "Port: '8443', StatusCode: HTTP_302"),
    ("ELBSecurityPolicy-TLS13-1-2-2021-06", "ELBSecurityPolicy-TLS13-1-3-2021-06"),
    ("Port: 443", "Port: 8443"),
    ("MessageBody: nobody", "MessageBody: nothing"),
    ("Priority: 10", "Priority: 30"),
    ("Weight: 3", "Weight: 5"),
    ("Values: [/old]", "Values: [/older]"),
    # by replacement
    ("Name: front", "Name: face"),
    ("Name: app", "Name: web"),
    # A group is one balancer's, so that whoever replaces that replaces the group.
    ("Protocol: HTTP, Port: 80}", "Protocol: HTTP, Port: 81}"),
    ("Scheme: internal", "Scheme: internet-facing"),
)  # fmt: skip


def test_it_changes_as_the_schemas_say_and_goes_back(story: Any) -> None:
    world = story.world
    before = left(world)
    assert story.create(STACK) == "CREATE_COMPLETE", story.news()
    old = dict(world.engine.find(story.stack_id).resources)
    after = STACK
    for was, becomes in CHANGES:
        assert was in after, was
        after = after.replace(was, becomes)
    assert story.update(after) == "UPDATE_COMPLETE", story.news()
    expect_as_asked(story)
    new = dict(world.engine.find(story.stack_id).resources)
    expect_replaced(old, new)

    settings = world.client("elbv2").describe_target_group_attributes(
        TargetGroupArn=story.physical("Group")
    )["Attributes"]
    assert {"Key": "stickiness.enabled", "Value": "false"} in settings

    broken = STACK.replace("Name: front", "Name: face").replace("Name: app", "Name: web").replace(
        "Scheme: internal", "Scheme: internet-facing"
    ).replace(
        "Outputs:",
        f"  Last:\n    Type: {ELB}::TargetGroup\n    DependsOn: [Shared, Old, Refused, Within]\n"
        "    Properties: {VpcId: !Ref Vpc, Protocol: TCP, Port: 80}\nOutputs:",
    )  # fmt: skip
    assert story.update(broken) == "UPDATE_ROLLBACK_COMPLETE", story.news()
    expect_as_asked(story)
    assert ids(world, story) == {name: each.physical_id for name, each in new.items()}
    empty_zone(story)
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert left(world) == before


@pytest.mark.parametrize(
    ("kind", "properties", "reason"),
    [
        ("LoadBalancer", "Subnets: [!Ref A, !Ref B], Type: network", "type network is known to"),
        ("LoadBalancer", "Subnets: [!Ref A]", "two different Availability Zones"),
        ("LoadBalancer", "Subnets: [!Ref A, !Ref B]", "has no internet gateway"),
        (
            "LoadBalancer",
            "Subnets: [!Ref A, !Ref B], Scheme: internal, IpAddressType: dualstack",
            "dualstack is known to AWS",
        ),
        (
            "LoadBalancer",
            (
                "Subnets: [!Ref A, !Ref B], Scheme: internal, LoadBalancerAttributes: "
                "[{Key: access_logs.s3.enabled, Value: 'true'}]"
            ),
            "access_logs.s3.enabled=true is known to AWS",
        ),
        ("TargetGroup", "TargetType: lambda", "type lambda is known to AWS"),
        ("TargetGroup", "VpcId: !Ref Vpc, Protocol: TCP, Port: 80", "protocol TCP is known"),
        (
            "TargetGroup",
            (
                "VpcId: !Ref Vpc, Protocol: HTTP, Port: 80, TargetGroupAttributes: "
                "[{Key: slow_start.duration_seconds, Value: '60'}]"
            ),
            "slow_start.duration_seconds=60 is known to AWS",
        ),
        (
            "TargetGroup",
            "VpcId: !Ref Vpc, Protocol: HTTP, Port: 80, TargetType: ip, Targets: [{Id: 10.9.0.1}]",
            "is not in VPC",
        ),
    ],
)
def test_what_is_refused_is_the_reason_and_nothing_is_left(
    story: Any, kind: str, properties: str, reason: str
) -> None:
    before = left(story.world)
    vpc = STACK[STACK.index("  Vpc:") : STACK.index("  Gateway:")]
    subnets = STACK[STACK.index("  A:") : STACK.index("  C:")]
    body = (
        f"Resources:\n{vpc}{subnets}  Last:\n    Type: {ELB}::{kind}\n    DependsOn: [A, B]\n"
        f"    Properties: {{{properties}}}\n"
    )
    assert story.create(body) == "ROLLBACK_COMPLETE"
    (failed,) = [line for line in story.news() if line.startswith("Last CREATE_FAILED")]
    assert reason in failed
    assert left(story.world) == before


def test_a_certificate_whose_record_is_missing_is_waited_for(story: Any) -> None:
    body = (
        "Resources:\n  Certificate:\n    Type: AWS::CertificateManager::Certificate\n"
        "    Properties: {DomainName: nobody.test, ValidationMethod: DNS}\n"
    )
    made = story.world.cloudformation.create_stack(StackName=story.name, TemplateBody=body)
    story.stack_id = made["StackId"]
    arn = story.begun("Certificate")
    acm = story.world.client("acm")
    assert acm.describe_certificate(CertificateArn=arn)["Certificate"]["Status"] == (
        "PENDING_VALIDATION"
    )
    assert story.delete() == "DELETE_COMPLETE", story.news()
    assert not acm.list_certificates()["CertificateSummaryList"]

    assert story.create(body.replace(", ValidationMethod: DNS", "")) == "ROLLBACK_COMPLETE"
    assert any("no ValidationMethod means EMAIL" in line for line in story.news())


def test_what_was_changed_behind_the_stack_is_found(story: Any) -> None:
    """User guide, "Detect unmanaged configuration changes to stacks and resources"."""
    assert story.create(STACK) == "CREATE_COMPLETE", story.news()
    told = detect(story)
    assert (told["StackDriftStatus"], told["DriftedStackResourceCount"]) == ("IN_SYNC", 0), drifts(
        story, "MODIFIED", "DELETED"
    )
    elb = story.world.client("elbv2")
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=story.physical("Balancer"),
        Attributes=[{"Key": "idle_timeout.timeout_seconds", "Value": "31"}],
    )
    group = story.physical("Group")
    elb.modify_target_group(TargetGroupArn=group, HealthCheckPath="/else")
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": "10.30.0.77"}])
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.30.0.99"}])
    elb.modify_listener(ListenerArn=story.physical("Plain"), Port=8080)
    rules = [{"RuleArn": story.physical("Shared"), "Priority": 11}]
    elb.set_rule_priorities(RulePriorities=rules)
    elb.delete_rule(RuleArn=story.physical("Down"))
    assert detect(story)["DriftedStackResourceCount"] == 5
    found = drifts(story, "MODIFIED", "DELETED")
    assert {
        name: [each["PropertyPath"] for each in drift["PropertyDifferences"]]
        for name, drift in found.items()
    } == {
        "Balancer": ["/LoadBalancerAttributes/0/Value"],
        "Down": [],
        "Group": ["/HealthCheckPath", "/Targets/0"],
        "Plain": ["/Port"],
        "Shared": ["/Priority"],
    }
    empty_zone(story)


def empty_zone(story: Any) -> None:
    """Take away the records that validate certificates; CloudFormation leaves them."""
    route53, zone = story.world.client("route53"), story.physical("Zone")
    told = route53.list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    for record in told:
        if record["Type"] == "CNAME":
            change = {"Action": "DELETE", "ResourceRecordSet": record}
            route53.change_resource_record_sets(
                HostedZoneId=zone, ChangeBatch={"Changes": [change]}
            )


def left(world: Any) -> dict[str, list[str]]:
    """What there is of all of it."""
    elb, acm = world.client("elbv2"), world.client("acm")
    return {
        "balancers": [
            each["LoadBalancerArn"] for each in elb.describe_load_balancers()["LoadBalancers"]
        ],
        "groups": [each["TargetGroupArn"] for each in elb.describe_target_groups()["TargetGroups"]],
        "certificates": [
            each["CertificateArn"] for each in acm.list_certificates()["CertificateSummaryList"]
        ],
        "cards": sorted(
            each["NetworkInterfaceId"]
            for each in world.ec2.describe_network_interfaces()["NetworkInterfaces"]
        ),
        "vpcs": sorted(each["VpcId"] for each in world.ec2.describe_vpcs()["Vpcs"]),
    }
