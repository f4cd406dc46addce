"""AWS::ElasticLoadBalancingV2::TargetGroup, with the targets that the template names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers import _elbv2
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_CHECK = (
    "HealthCheckEnabled", "HealthCheckIntervalSeconds", "HealthCheckPath", "HealthCheckPort",
    "HealthCheckProtocol", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "Matcher",
    "UnhealthyThresholdCount",
)  # fmt: skip
_FIXED = ("IpAddressType", "Port", "Protocol", "ProtocolVersion", "TargetType", "VpcId")
_CHECK_DEFAULTS = {
    "HealthCheckEnabled": True,
    "HealthCheckIntervalSeconds": 30,
    "HealthCheckPath": "/",
    "HealthCheckPort": "traffic-port",
    "HealthCheckTimeoutSeconds": 5,
    "HealthyThresholdCount": 5,
    "Matcher": {"HttpCode": "200"},
    "UnhealthyThresholdCount": 2,
}
_DEFAULTS = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.type": "round_robin",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
}


class TargetGroup(Handler):
    type = "AWS::ElasticLoadBalancingV2::TargetGroup"
    honoured = frozenset(
        {
            *(name for name in _CHECK if name != "Matcher"),
            *_FIXED,
            "Matcher/HttpCode",
            "Name",
            "TargetGroupAttributes/*/Key",
            "TargetGroupAttributes/*/Value",
            "Targets/*/Id",
            "Targets/*/Port",
            *_elbv2.ONE_BY_ONE,
        }
    )
    attributes = frozenset(
        {"LoadBalancerArns", "TargetGroupArn", "TargetGroupFullName", "TargetGroupName"}
    )
    name_property = "Name"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.elbv2.create_target_group(
            Name=_elbv2.short_name(wanted),
            Tags=wanted.tag_list(),
            **only(wanted.properties, *_CHECK, *_FIXED),
        )
        return str(made["TargetGroups"][0]["TargetGroupArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        known = _elbv2.arns(cloud.elbv2.describe_target_groups, "TargetGroups", "TargetGroupArn")
        return _elbv2.find_tagged(cloud, known, wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _set_attributes(cloud, physical_id, {}, properties)
        _register(cloud, physical_id, {}, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = _elbv2.target_group(cloud, physical_id)
        assert told is not None
        return {
            "LoadBalancerArns": told.get("LoadBalancerArns", []),
            "TargetGroupArn": physical_id,
            "TargetGroupFullName": physical_id.rpartition(":")[2],
            "TargetGroupName": told["TargetGroupName"],
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = _elbv2.target_group(cloud, physical_id)
        if told is None:
            return None
        settings = cloud.elbv2.describe_target_group_attributes(TargetGroupArn=physical_id)
        health = cloud.elbv2.describe_target_health(TargetGroupArn=physical_id)
        registered = {
            each["Target"]["Id"]
            for each in health["TargetHealthDescriptions"]
            if each["TargetHealth"]["State"] != "draining"
        }
        wanted = properties.get("TargetGroupAttributes", [])
        return {
            **only(told, *_CHECK, *_FIXED),
            "Name": told["TargetGroupName"],
            "Tags": _elbv2.tags_of(cloud, physical_id),
            "TargetGroupAttributes": _elbv2.named(settings["Attributes"], wanted),
            # Those that somebody else registered are no drift: groups of instances do.
            "Targets": [e for e in properties.get("Targets", []) if e["Id"] in registered],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        had, wants = before.properties, after.properties
        if changed(had, wants, *_CHECK):
            protocol = {"HealthCheckProtocol": wants.get("Protocol", "HTTP")}
            cloud.elbv2.modify_target_group(
                TargetGroupArn=physical_id,
                **{**protocol, **_CHECK_DEFAULTS, **only(wants, *_CHECK)},
            )
        _set_attributes(cloud, physical_id, had, wants)
        _register(cloud, physical_id, had, wants)
        _elbv2.retag(cloud, physical_id, before, after)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.elbv2.delete_target_group(TargetGroupArn=physical_id),
            "TargetGroupNotFound",
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _elbv2.target_group(cloud, physical_id) is None


def _set_attributes(
    cloud: Cloud, arn: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    name = "TargetGroupAttributes"
    wanted = _elbv2.attribute_changes(before.get(name, []), after.get(name, []), _DEFAULTS)
    if wanted:
        cloud.elbv2.modify_target_group_attributes(TargetGroupArn=arn, Attributes=wanted)


def _register(cloud: Cloud, arn: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """The template's own targets; others, of a group of instances, stay."""
    had, wants = before.get("Targets", []), after.get("Targets", [])
    gone = [each for each in had if each not in wants]
    fresh = [each for each in wants if each not in had]
    if gone:
        cloud.elbv2.deregister_targets(TargetGroupArn=arn, Targets=gone)
    if fresh:
        cloud.elbv2.register_targets(TargetGroupArn=arn, Targets=fresh)


HANDLER = TargetGroup()
