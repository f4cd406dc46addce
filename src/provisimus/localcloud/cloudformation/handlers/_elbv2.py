"""What the handlers of Elastic Load Balancing share: names, tags, attributes, actions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first
from provisimus.localcloud.cloudformation.handlers.interface import Shape, Wanted

LONGEST_NAME = 32
_AT_ONCE = 20
"""How many resources DescribeTags takes in one request."""
ONE_BY_ONE = frozenset({"Tags/*/Key", "Tags/*/Value"})


def actions(name: str) -> frozenset[str]:
    """The paths of actions that are honoured, below a property."""
    config = f"{name}/*/ForwardConfig/TargetGroups/*"
    return frozenset(
        {
            f"{name}/*/FixedResponseConfig/**",
            f"{config}/TargetGroupArn",
            f"{config}/Weight",
            f"{name}/*/RedirectConfig/**",
            f"{name}/*/TargetGroupArn",
            f"{name}/*/Type",
        }
    )


def short_name(wanted: Wanted) -> str:
    """Its own name, or the generated one as far as there is room for it."""
    given = wanted.properties.get("Name")
    if given:
        return str(given)
    rest, _, random = wanted.generated_name.rpartition("-")
    rest = re.sub(r"-{2,}", "-", rest)[: LONGEST_NAME - 1 - len(random[:12])].strip("-")
    return f"{rest}-{random[:12]}"


def find_tagged(cloud: Cloud, arns: Iterable[str], wanted: Shape) -> list[str]:
    """Those that carry the wanted shape's CloudFormation tags."""
    own = {
        key: wanted.tags.get(key)
        for key in ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
    }
    known, found = list(arns), []
    for begin in range(0, len(known), _AT_ONCE):
        told = cloud.elbv2.describe_tags(ResourceArns=known[begin : begin + _AT_ONCE])
        for each in told["TagDescriptions"]:
            tags = {tag["Key"]: tag["Value"] for tag in each["Tags"]}
            if own.items() <= tags.items():
                found.append(str(each["ResourceArn"]))
    return found


def retag(cloud: Cloud, arn: str, before: Shape, after: Shape) -> None:
    """Make the tags those of `after`, knowing those that were set before."""
    gone = [key for key in before.tags if key not in after.tags]
    fresh = [
        {"Key": key, "Value": value}
        for key, value in after.tags.items()
        if before.tags.get(key) != value
    ]
    if gone:
        cloud.elbv2.remove_tags(ResourceArns=[arn], TagKeys=gone)
    if fresh:
        cloud.elbv2.add_tags(ResourceArns=[arn], Tags=fresh)


def attribute_changes(
    before: Iterable[Mapping[str, str]],
    after: Iterable[Mapping[str, str]],
    defaults: Mapping[str, str],
) -> list[dict[str, str]]:
    """Attributes to set; one that is named no longer gets its default back."""
    had = {each["Key"]: str(each["Value"]) for each in before}
    wants = {each["Key"]: str(each["Value"]) for each in after}
    gone = {key: defaults[key] for key in had if key not in wants and key in defaults}
    return [
        {"Key": key, "Value": value}
        for key, value in {**gone, **wants}.items()
        if had.get(key) != value
    ]


def tags_of(cloud: Cloud, arn: str) -> list[dict[str, str]]:
    return list(cloud.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"])


def named(told: Iterable[dict[str, str]], wanted: Iterable[Mapping[str, str]]) -> list[Any]:
    """Of all attributes those that the template names."""
    keys = {each["Key"] for each in wanted}
    return [each for each in told if each["Key"] in keys]


def as_written(told: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Actions without what the service adds to those of a template."""
    found = []
    for each in told:
        action = {name: value for name, value in each.items() if name != "Order"}
        if "ForwardConfig" in action:
            action["ForwardConfig"] = {"TargetGroups": action["ForwardConfig"]["TargetGroups"]}
        found.append(action)
    return found


def load_balancer(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    return first(
        lambda: cloud.elbv2.describe_load_balancers(LoadBalancerArns=[arn]),
        "LoadBalancers",
        "LoadBalancerNotFound",
    )


def target_group(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    return first(
        lambda: cloud.elbv2.describe_target_groups(TargetGroupArns=[arn]),
        "TargetGroups",
        "TargetGroupNotFound",
    )


def listener(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    return first(
        lambda: cloud.elbv2.describe_listeners(ListenerArns=[arn]), "Listeners", "ListenerNotFound"
    )


def rule(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    return first(lambda: cloud.elbv2.describe_rules(RuleArns=[arn]), "Rules", "RuleNotFound")


def arns(told: Callable[[], Any], key: str, name: str) -> list[str]:
    """The ARNs that a describing call tells."""
    return [str(each[name]) for each in told()[key]]
