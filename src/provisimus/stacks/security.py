"""What a change opens or closes: ports, permissions, what faces the world. Pure.

It compares what resources were with what they will be, so it tells the same of a change set and of
two templates. A value that is not known yet is told as the template has it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from provisimus.stacks.resource_change import ResourceChange
from provisimus.stacks.template import DATABASE, INSTANCE

Way = Literal["wider", "narrower"]
Properties = Mapping[str, Any]

WORLD = ("0.0.0.0/0", "::/0")
REFUSED = "is refused: "
NO_MORE = "is refused no more: "


@dataclass(frozen=True)
class SecurityChange:
    """`wider` lets more be done or reached than before, `narrower` less."""

    way: Way
    logical_id: str
    text: str


def security_changes(changes: Iterable[ResourceChange]) -> tuple[SecurityChange, ...]:
    """Everything of it, what becomes wider first; otherwise in the order of the changes."""
    found: dict[SecurityChange, None] = {}
    for each in changes:
        look = _LOOKS.get(each.kind)
        if look is None:
            continue
        old, new = set(look(each.before or {})), set(look(each.after or {}))
        for text in sorted(new ^ old):
            # What is refused from now on makes it narrower.
            wider = (text in new) != text.startswith(REFUSED)
            said = text.replace(REFUSED, NO_MORE, 1) if wider and text not in new else text
            change = SecurityChange("wider" if wider else "narrower", each.logical_id, said)
            found[change] = None
    return tuple(sorted(found, key=lambda each: each.way == "narrower"))


# ---- what may be reached -------------------------------------------------------------------------


def _group(properties: Properties) -> Iterator[str]:
    for rule in properties.get("SecurityGroupIngress") or ():
        yield _rule(rule, "in from")
    for rule in properties.get("SecurityGroupEgress") or ():
        yield _rule(rule, "out to")


def _rule(rule: Properties, way: str) -> str:
    protocol = str(rule.get("IpProtocol", "-1"))
    first, last = rule.get("FromPort"), rule.get("ToPort")
    ports = "" if first is None else f" {first}" if first == last else f" {first}-{last}"
    what = "everything" if protocol == "-1" else f"{protocol}{ports}"
    return f"{what} {way} {_end(rule)}"


_ENDS = (
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "DestinationSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationPrefixListId",
)


def _end(rule: Properties) -> str:
    end = next((rule[key] for key in _ENDS if rule.get(key)), "unknown")
    text = _named(end)
    return f"{text} (everybody)" if text in WORLD else text


def _ingress(properties: Properties) -> Iterator[str]:
    if properties:
        yield _rule(properties, "in from")


def _egress(properties: Properties) -> Iterator[str]:
    if properties:
        yield _rule(properties, "out to")


def _entry(properties: Properties) -> Iterator[str]:
    """One rule of a network ACL; `Protocol` -1 is everything, 6 is TCP, 17 is UDP."""
    if not properties:
        return
    protocol = str(properties.get("Protocol", "-1"))
    ports = properties.get("PortRange") or {}
    rule = {
        "IpProtocol": {"6": "tcp", "17": "udp", "1": "icmp"}.get(protocol, protocol),
        "FromPort": ports.get("From"),
        "ToPort": ports.get("To"),
        "CidrIp": properties.get("CidrBlock") or properties.get("Ipv6CidrBlock"),
    }
    out = str(properties.get("Egress")).lower() == "true"
    text = f"{_rule(rule, 'out to' if out else 'in from')} by the network ACL"
    yield f"{REFUSED}{text}" if properties.get("RuleAction") == "deny" else text


def _acl(properties: Properties) -> Iterator[str]:
    # A subnet without one of its own has the VPC's default one, which lets everything pass.
    if properties:
        yield f"{REFUSED}whatever {_named(properties.get('NetworkAclId'))} does not let pass"


_WAYS_OUT = ("GatewayId", "NatGatewayId", "EgressOnlyInternetGatewayId", "InstanceId")


def _route(properties: Properties) -> Iterator[str]:
    to = properties.get("DestinationCidrBlock") or properties.get("DestinationIpv6CidrBlock")
    by = next((properties[key] for key in _WAYS_OUT if properties.get(key)), None)
    if to in WORLD and by is not None:
        yield f"a way to the internet by {_named(by)}"


# ---- what may be done ----------------------------------------------------------------------------


def _identity(properties: Properties) -> Iterator[str]:
    for policy in properties.get("Policies") or ():
        yield from _statements(policy.get("PolicyDocument"), "may")
    for arn in properties.get("ManagedPolicyArns") or ():
        yield f"has the policy {_named(arn)}"
    yield from _statements(properties.get("PolicyDocument"), "may")
    yield from _statements(properties.get("AssumeRolePolicyDocument"), "is taken by")


def _resource(properties: Properties) -> Iterator[str]:
    for key in ("PolicyDocument", "ResourcePolicy", "KeyPolicy", "RepositoryPolicyText"):
        yield from _statements(properties.get(key), "lets")


def _statements(document: Any, verb: str) -> Iterator[str]:
    """Each action on each resource by itself, so that one that comes to a list is told alone."""
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except ValueError:
            return
    for each in _many((document or {}).get("Statement")):
        if not isinstance(each, Mapping):
            continue
        deny = each.get("Effect") == "Deny"
        where = _condition(each)
        who = _principals(each.get("Principal"))
        for action in _many(each.get("Action", each.get("NotAction"))):
            done = f"all but {action}" if "NotAction" in each else str(action)
            for resource in _many(each.get("Resource", each.get("NotResource"))) or [""]:
                on = f" on {_named(resource)}" if resource else ""
                on = f" on all but {_named(resource)}" if "NotResource" in each else on
                does = {"lets": f"lets {who} {done}", "is taken by": f"is taken by {who}"}
                text = does.get(verb, f"{verb} {done}") + on + where
                yield f"{REFUSED}{text}" if deny else text


def _condition(statement: Properties) -> str:
    asked = statement.get("Condition")
    return f" if {json.dumps(asked, sort_keys=True, default=str)}" if asked else ""


def _principals(principal: Any) -> str:
    if principal in ("*", {"AWS": "*"}):
        return "everybody"
    if not isinstance(principal, Mapping):
        return _named(principal)
    return ", ".join(_named(one) for each in principal.values() for one in _many(each))


# ---- what faces the world ------------------------------------------------------------------------


def _flag(key: str, text: str) -> Callable[[Properties], Iterator[str]]:
    def look(properties: Properties) -> Iterator[str]:
        if str(properties.get(key)).lower() == "true":
            yield text

    return look


def _balancer(properties: Properties) -> Iterator[str]:
    # Without a scheme it faces the internet (AWS::ElasticLoadBalancingV2::LoadBalancer, Scheme).
    if properties and properties.get("Scheme", "internet-facing") == "internet-facing":
        yield "faces the internet"


def _bucket(properties: Properties) -> Iterator[str]:
    if not properties:
        return
    block = properties.get("PublicAccessBlockConfiguration")
    # Since April 2023 a bucket that says nothing blocks all of it.
    for key in (
        "BlockPublicAcls",
        "BlockPublicPolicy",
        "IgnorePublicAcls",
        "RestrictPublicBuckets",
    ):
        if block is not None and str(block.get(key)).lower() != "true":
            yield f"may be public: {key} is off"


def _instance(properties: Properties) -> Iterator[str]:
    for each in properties.get("NetworkInterfaces") or ():
        if str(each.get("AssociatePublicIpAddress")).lower() == "true":
            yield "has a public address"
    options = properties.get("MetadataOptions") or {}
    if properties and options and options.get("HttpTokens") != "required":
        yield "its metadata are read without a token (IMDSv1)"


_LOOKS: Mapping[str, Callable[[Properties], Iterator[str]]] = {
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupIngress": _ingress,
    "AWS::EC2::SecurityGroupEgress": _egress,
    "AWS::EC2::NetworkAclEntry": _entry,
    "AWS::EC2::SubnetNetworkAclAssociation": _acl,
    "AWS::EC2::Route": _route,
    **dict.fromkeys(
        (
            "AWS::IAM::Role",
            "AWS::IAM::Policy",
            "AWS::IAM::RolePolicy",
            "AWS::IAM::UserPolicy",
            "AWS::IAM::GroupPolicy",
            "AWS::IAM::ManagedPolicy",
            "AWS::IAM::User",
            "AWS::IAM::Group",
        ),
        _identity,
    ),
    **dict.fromkeys(
        (
            "AWS::S3::BucketPolicy",
            "AWS::SQS::QueuePolicy",
            "AWS::SNS::TopicPolicy",
            "AWS::KMS::Key",
            "AWS::SecretsManager::ResourcePolicy",
            "AWS::ECR::Repository",
        ),
        _resource,
    ),
    "AWS::S3::Bucket": _bucket,
    INSTANCE: _instance,
    DATABASE: _flag("PubliclyAccessible", "is reached from the internet"),
    "AWS::EC2::Subnet": _flag("MapPublicIpOnLaunch", "gives its machines public addresses"),
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
}


def _many(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]


def _named(value: Any) -> str:
    """A value as a reader names it: the resource that an intrinsic function refers to."""
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and len(value) == 1:
        [(function, argument)] = value.items()
        if function == "Ref":
            return str(argument)
        if function == "Fn::GetAtt":
            return ".".join(argument) if isinstance(argument, list) else str(argument)
        if function == "Fn::Sub":
            return str(argument[0] if isinstance(argument, list) else argument)
        if function == "Fn::GetStackOutput":
            return f"{argument.get('StackName')}.{argument.get('OutputName')}"
    return json.dumps(value, sort_keys=True, default=str)
