"""AWS::ElasticLoadBalancingV2::ListenerRule."""

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

_CONDITIONS = (
    "Field", "HostHeaderConfig/Values/*", "HttpHeaderConfig/HttpHeaderName",
    "HttpHeaderConfig/Values/*", "HttpRequestMethodConfig/Values/*", "PathPatternConfig/Values/*",
    "QueryStringConfig/Values/*/Key", "QueryStringConfig/Values/*/Value",
    "SourceIpConfig/Values/*", "Values/*",
)  # fmt: skip


class ListenerRule(Handler):
    type = "AWS::ElasticLoadBalancingV2::ListenerRule"
    honoured = frozenset(
        {
            "ListenerArn",
            "Priority",
            *(f"Conditions/*/{each}" for each in _CONDITIONS),
            *_elbv2.ONE_BY_ONE,
            *_elbv2.actions("Actions"),
        }
    )
    attributes = frozenset({"IsDefault", "RuleArn"})

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.elbv2.create_rule(
            Tags=wanted.tag_list(),
            **only(wanted.properties, "Actions", "Conditions", "ListenerArn", "Priority"),
        )
        return str(made["Rules"][0]["RuleArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        listener = str(wanted.properties["ListenerArn"])
        known = _elbv2.arns(
            lambda: cloud.elbv2.describe_rules(ListenerArn=listener), "Rules", "RuleArn"
        )
        return _elbv2.find_tagged(cloud, known, wanted)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"IsDefault": False, "RuleArn": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = _elbv2.rule(cloud, physical_id)
        if told is None:
            return None
        listener = physical_id.replace(":listener-rule/", ":listener/").rpartition("/")[0]
        return {
            "Actions": _elbv2.as_written(told["Actions"]),
            "Conditions": told["Conditions"],
            "ListenerArn": listener,
            "Priority": int(told["Priority"]),
            "Tags": _elbv2.tags_of(cloud, physical_id),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        had, wants = before.properties, after.properties
        if changed(had, wants, "Priority"):
            cloud.elbv2.set_rule_priorities(
                RulePriorities=[{"RuleArn": physical_id, "Priority": int(wants["Priority"])}]
            )
        if changed(had, wants, "Actions", "Conditions"):
            cloud.elbv2.modify_rule(RuleArn=physical_id, **only(wants, "Actions", "Conditions"))
        _elbv2.retag(cloud, physical_id, before, after)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.elbv2.delete_rule(RuleArn=physical_id), "RuleNotFound")

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _elbv2.rule(cloud, physical_id) is None


HANDLER = ListenerRule()
