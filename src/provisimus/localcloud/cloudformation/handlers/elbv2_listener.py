"""AWS::ElasticLoadBalancingV2::Listener, with its default action."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers import _elbv2
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_SETTINGS = ("Certificates", "DefaultActions", "Port", "Protocol", "SslPolicy")


class Listener(Handler):
    type = "AWS::ElasticLoadBalancingV2::Listener"
    honoured = frozenset(
        {
            "Certificates/*/CertificateArn",
            "LoadBalancerArn",
            "Port",
            "Protocol",
            "SslPolicy",
            *_elbv2.ONE_BY_ONE,
            *_elbv2.actions("DefaultActions"),
        }
    )
    attributes = frozenset({"ListenerArn"})

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.elbv2.create_listener(
            Tags=wanted.tag_list(), **only(wanted.properties, "LoadBalancerArn", *_SETTINGS)
        )
        return str(made["Listeners"][0]["ListenerArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        balancer = str(wanted.properties["LoadBalancerArn"])
        known = _elbv2.arns(
            lambda: cloud.elbv2.describe_listeners(LoadBalancerArn=balancer),
            "Listeners",
            "ListenerArn",
        )
        return _elbv2.find_tagged(cloud, known, wanted)

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"ListenerArn": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = _elbv2.listener(cloud, physical_id)
        if told is None:
            return None
        certificates = told.get("Certificates", [])[:1]
        return {
            **only(told, "LoadBalancerArn", "Port", "Protocol"),
            "Certificates": [only(each, "CertificateArn") for each in certificates],
            "DefaultActions": _elbv2.as_written(told["DefaultActions"]),
            "SslPolicy": told.get("SslPolicy"),
            "Tags": _elbv2.tags_of(cloud, physical_id),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        wants = only(after.properties, *_SETTINGS)
        if wants != only(before.properties, *_SETTINGS):
            cloud.elbv2.modify_listener(ListenerArn=physical_id, **wants)
        _elbv2.retag(cloud, physical_id, before, after)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.elbv2.delete_listener(ListenerArn=physical_id), "ListenerNotFound"
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _elbv2.listener(cloud, physical_id) is None


HANDLER = Listener()
