"""What a change of a resource means for those who use the stack, in words. Pure.

Here stands what holds for a kind of resource in any stack; a stack type says what it knows better
(`StackType.effect`). Source: "Update requires" of each property in the CloudFormation reference.
"""

from __future__ import annotations

from collections.abc import Mapping

from provisimus.stacks.resource_change import ResourceChange, kept
from provisimus.stacks.template import DATABASE, INSTANCE, VOLUME, WAITING

SWAPPED = "the machine is swapped: about a minute without answers"

_REPLACED: Mapping[str, str] = {
    INSTANCE: SWAPPED,
    WAITING: "the stack waits until the new machine is healthy",
    DATABASE: "another database takes its place, without the data",
    VOLUME: "another volume takes its place, without the data",
    "AWS::EC2::EIP": "another address: whoever knows the old one no longer reaches it",
    "AWS::EC2::Subnet": "another subnet: what lives in it must move first",
    "AWS::EC2::VPC": "another network: everything in it must move first",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "another load balancer, with another DNS name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "another target group: its targets register anew",
    "AWS::AutoScaling::AutoScalingGroup": "another group: new instances first, then the old go",
}

_CHANGED: Mapping[str, str] = {
    "AWS::EC2::SecurityGroup": "takes effect at once, connections that stand go on",
    "AWS::EC2::SecurityGroupIngress": "takes effect at once, connections that stand go on",
    "AWS::EC2::SecurityGroupEgress": "takes effect at once, connections that stand go on",
    "AWS::IAM::Role": "takes effect within seconds, nothing restarts",
    "AWS::IAM::Policy": "takes effect within seconds, nothing restarts",
    "AWS::IAM::ManagedPolicy": "takes effect within seconds, nothing restarts",
    "AWS::EC2::LaunchTemplate": "for instances that start from now on",
    "AWS::AutoScaling::AutoScalingGroup": "instances are replaced as its update policy says",
    VOLUME: "changes while it is in use",
}

_PER_PROPERTY: Mapping[tuple[str, str], str] = {
    (INSTANCE, "InstanceType"): "the machine stops and starts: about a minute without answers",
    (INSTANCE, "EbsOptimized"): "the machine stops and starts: about a minute without answers",
    (INSTANCE, "UserData"): "the machine stops and starts: about a minute without answers",
    (DATABASE, "DBInstanceClass"): "the database restarts: minutes without answers",
    (DATABASE, "EngineVersion"): "the database is upgraded: minutes without answers",
    (DATABASE, "DBParameterGroupName"): "takes effect when the database restarts",
    (DATABASE, "MultiAZ"): "a stand-by comes or goes: slower for a while, no interruption",
}


def effect_of(change: ResourceChange) -> str:
    """What the change means, by the kind of resource, how it changes and what of it."""
    if change.action == "Add":
        return ""
    if change.action == "Remove":
        return kept(change.policy)
    if change.replacement == "True":
        return _replaced(change)
    said = [
        words
        for name in change.properties
        if (words := _PER_PROPERTY.get((change.kind, name))) is not None
    ]
    if change.replacement == "Conditional":
        said.append("perhaps replaced: that is known when it happens")
    known = _CHANGED.get(change.kind)
    told = said or ([known] if known else ["changes in place"] if change.replacement else [])
    return "; ".join(dict.fromkeys(told)) or "whether it is replaced is not known"


def _replaced(change: ResourceChange) -> str:
    """What becomes of the old one is said where something of it stays."""
    stays = kept(change.policy)
    if change.kind in _REPLACED:
        return f"{_REPLACED[change.kind]}; {stays}" if stays else _REPLACED[change.kind]
    if stays:
        return f"replaced by a new one; {stays}"
    return "replaced: the new one first, then the old goes"
