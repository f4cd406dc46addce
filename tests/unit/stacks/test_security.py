"""What a change opens and closes: ports, permissions, the public."""

from typing import Any

import pytest

from provisimus.stacks.resource_change import ResourceChange
from provisimus.stacks.security import security_changes


def told(kind: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> list[str]:
    change = ResourceChange("Modify", "It", kind, before=before, after=after)
    found = security_changes([change])
    return [f"{'+' if each.way == 'wider' else '-'} {each.text}" for each in found]


def rule(port: int, source: Any, **more: Any) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": source, **more}


def test_ports_are_opened_and_closed() -> None:
    assert told(
        "AWS::EC2::SecurityGroup",
        {"SecurityGroupIngress": [rule(22, "10.0.0.0/8"), rule(80, "0.0.0.0/0")]},
        {"SecurityGroupIngress": [rule(80, "0.0.0.0/0"), rule(443, "0.0.0.0/0")]},
    ) == ["+ tcp 443 in from 0.0.0.0/0 (everybody)", "- tcp 22 in from 10.0.0.0/8"]


def test_a_description_opens_nothing() -> None:
    group = {"SecurityGroupIngress": [rule(80, "0.0.0.0/0", Description="a")]}
    other = {"SecurityGroupIngress": [rule(80, "0.0.0.0/0", Description="b")]}
    assert told("AWS::EC2::SecurityGroup", group, other) == []


def test_a_new_group_says_who_is_let_in_and_out() -> None:
    source = {"SourceSecurityGroupId": {"Fn::GetAtt": ["Front", "GroupId"]}}
    ingress = {"IpProtocol": "udp", "FromPort": 1, "ToPort": 9, **source}
    egress = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
    group = {"SecurityGroupIngress": [ingress], "SecurityGroupEgress": [egress]}
    assert told("AWS::EC2::SecurityGroup", None, group) == [
        "+ everything out to 0.0.0.0/0 (everybody)",
        "+ udp 1-9 in from Front.GroupId",
    ]
    assert told("AWS::EC2::SecurityGroupIngress", rule(5432, "10.0.0.0/8"), None) == [
        "- tcp 5432 in from 10.0.0.0/8"
    ]


def test_a_subnet_that_loses_its_acl_is_open() -> None:
    kind = "AWS::EC2::SubnetNetworkAclAssociation"
    text = "is refused: whatever DataAcl does not let pass"
    given = {"SubnetId": {"Ref": "Data"}, "NetworkAclId": {"Ref": "DataAcl"}}
    assert told(kind, given, None) == [f"+ {text.replace('refused', 'refused no more')}"]
    assert told(kind, None, given) == [f"- {text}"]


def test_rules_of_an_acl_let_pass_or_refuse() -> None:
    kind = "AWS::EC2::NetworkAclEntry"
    entry = {"Protocol": 6, "PortRange": {"From": 22, "To": 22}, "CidrBlock": "0.0.0.0/0"}
    assert told(kind, None, {**entry, "RuleAction": "allow"}) == [
        "+ tcp 22 in from 0.0.0.0/0 (everybody) by the network ACL"
    ]
    assert told(kind, None, {**entry, "RuleAction": "deny", "Egress": True}) == [
        "- is refused: tcp 22 out to 0.0.0.0/0 (everybody) by the network ACL"
    ]


def test_a_route_to_everywhere_is_a_way_out() -> None:
    route = {"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": {"Ref": "NatA"}}
    assert told("AWS::EC2::Route", None, route) == ["+ a way to the internet by NatA"]
    assert told("AWS::EC2::Route", None, {**route, "DestinationCidrBlock": "10.0.0.0/8"}) == []


def role(*statements: dict[str, Any], taken_by: str = "ec2.amazonaws.com") -> dict[str, Any]:
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": taken_by}, "Action": "x"}}
    document = {"Statement": list(statements)}
    return {
        "AssumeRolePolicyDocument": trust,
        "Policies": [{"PolicyName": "machine", "PolicyDocument": document}],
    }


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_one_action_more_in_a_list_is_told_alone() -> None:
    arn = {"Fn::Sub": "arn:${AWS::Partition}:s3:::b"}
    assert told(
        "AWS::IAM::Role",
        role(allow("s3:GetObject", arn)),
        role(allow(["s3:GetObject", "s3:PutObject"], [arn])),
    ) == ["+ may s3:PutObject on arn:${AWS::Partition}:s3:::b"]


def test_a_condition_that_comes_makes_it_narrower_and_a_refusal_too() -> None:
    condition = {"StringEquals": {"a": "b"}}
    assert told(
        "AWS::IAM::Role",
        role(allow("ec2:Go", "*")),
        role(allow("ec2:Go", "*", Condition=condition)),
    ) == [
        '+ may ec2:Go on * if {"StringEquals": {"a": "b"}}',
        "- may ec2:Go on *",
    ]
    deny = {**allow("ec2:Stop", "*"), "Effect": "Deny"}
    assert told("AWS::IAM::Role", role(), role(deny)) == ["- is refused: may ec2:Stop on *"]
    assert told("AWS::IAM::Role", role(deny), role()) == ["+ is refused no more: may ec2:Stop on *"]


def test_who_may_take_a_role_and_what_is_attached_to_it() -> None:
    assert told("AWS::IAM::Role", role(), role(taken_by="dlm.amazonaws.com")) == [
        "+ is taken by dlm.amazonaws.com",
        "- is taken by ec2.amazonaws.com",
    ]
    assert told("AWS::IAM::Role", {}, {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/Admin"]}) == [
        "+ has the policy arn:aws:iam::aws:policy/Admin"
    ]


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}])
def test_a_policy_for_everybody(principal: Any) -> None:
    policy = {"Statement": [{**allow("s3:GetObject", "b/*"), "Principal": principal}]}
    assert told("AWS::S3::BucketPolicy", None, {"PolicyDocument": policy}) == [
        "+ lets everybody s3:GetObject on b/*"
    ]


def test_what_faces_the_world() -> None:
    balancer = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    assert told(balancer, {"Scheme": "internal"}, {"Scheme": "internet-facing"}) == [
        "+ faces the internet"
    ]
    assert told(balancer, None, {"Type": "application"}) == ["+ faces the internet"]
    database = "AWS::RDS::DBInstance"
    assert told(database, {"PubliclyAccessible": True}, {"PubliclyAccessible": False}) == [
        "- is reached from the internet"
    ]
    blocks = dict.fromkeys(
        ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True
    )
    after = {"PublicAccessBlockConfiguration": {**blocks, "BlockPublicPolicy": False}}
    before = {"PublicAccessBlockConfiguration": blocks}
    assert told("AWS::S3::Bucket", before, after) == ["+ may be public: BlockPublicPolicy is off"]


def test_what_widens_comes_first_and_other_kinds_tell_nothing() -> None:
    closed = ResourceChange(
        "Remove", "A", "AWS::EC2::SecurityGroupIngress", before=rule(1, "10.0.0.0/8")
    )
    opened = ResourceChange(
        "Add", "B", "AWS::EC2::SecurityGroupIngress", after=rule(2, "10.0.0.0/8")
    )
    other = ResourceChange("Add", "C", "AWS::SNS::Topic", after={"TopicName": "x"})
    assert [each.logical_id for each in security_changes([closed, opened, other])] == ["B", "A"]
