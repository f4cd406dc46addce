"""AWS::ElasticLoadBalancingV2::LoadBalancer: an application load balancer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers import _elbv2
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_DEFAULTS = {
    "deletion_protection.enabled": "false",
    "idle_timeout.timeout_seconds": "60",
    "routing.http.xff_header_processing.mode": "append",
    "routing.http2.enabled": "true",
}


class LoadBalancer(Handler):
    type = "AWS::ElasticLoadBalancingV2::LoadBalancer"
    honoured = frozenset(
        {
            "IpAddressType",
            "LoadBalancerAttributes/*/Key",
            "LoadBalancerAttributes/*/Value",
            "Name",
            "Scheme",
            "SecurityGroups/*",
            "SubnetMappings/*/SubnetId",
            "Subnets/*",
            "Type",
            *_elbv2.ONE_BY_ONE,
        }
    )
    attributes = frozenset(
        {
            "CanonicalHostedZoneID",
            "DNSName",
            "LoadBalancerArn",
            "LoadBalancerFullName",
            "LoadBalancerName",
        }
    )
    name_property = "Name"
    seconds = 300

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.elbv2.create_load_balancer(
            Name=_elbv2.short_name(wanted),
            Tags=wanted.tag_list(),
            **only(
                wanted.properties, "IpAddressType", "Scheme", "SecurityGroups", "SubnetMappings",
                "Subnets", "Type",
            ),
        )  # fmt: skip
        return str(made["LoadBalancers"][0]["LoadBalancerArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        known = _elbv2.arns(cloud.elbv2.describe_load_balancers, "LoadBalancers", "LoadBalancerArn")
        return _elbv2.find_tagged(cloud, known, wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        told = _elbv2.load_balancer(cloud, physical_id)
        state = told["State"] if told else {"Code": "gone"}
        if state["Code"] in ("failed", "gone"):
            why = f": {state['Reason']}" if state.get("Reason") else ""
            raise ResourceFailed(f"Load balancer {physical_id} is {state['Code']}{why}")
        if state["Code"] != "active":
            return False
        _set_attributes(cloud, physical_id, {}, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = _elbv2.load_balancer(cloud, physical_id)
        assert told is not None
        return {
            "CanonicalHostedZoneID": told["CanonicalHostedZoneId"],
            "DNSName": told["DNSName"],
            "LoadBalancerArn": physical_id,
            "LoadBalancerFullName": physical_id.partition(":loadbalancer/")[2],
            "LoadBalancerName": told["LoadBalancerName"],
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = _elbv2.load_balancer(cloud, physical_id)
        if told is None:
            return None
        settings = cloud.elbv2.describe_load_balancer_attributes(LoadBalancerArn=physical_id)
        subnets = [each["SubnetId"] for each in told["AvailabilityZones"]]
        wanted = properties.get("LoadBalancerAttributes", [])
        return {
            **only(told, "IpAddressType", "Scheme", "SecurityGroups", "Type"),
            "LoadBalancerAttributes": _elbv2.named(settings["Attributes"], wanted),
            "Name": told["LoadBalancerName"],
            "SubnetMappings": [{"SubnetId": each} for each in subnets],
            "Subnets": subnets,
            "Tags": _elbv2.tags_of(cloud, physical_id),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        had, wants = before.properties, after.properties
        if changed(had, wants, "SecurityGroups"):
            cloud.elbv2.set_security_groups(
                LoadBalancerArn=physical_id, SecurityGroups=wants.get("SecurityGroups", [])
            )
        if changed(had, wants, "Subnets", "SubnetMappings"):
            cloud.elbv2.set_subnets(
                LoadBalancerArn=physical_id, **only(wants, "Subnets", "SubnetMappings")
            )
        if changed(had, wants, "IpAddressType"):
            cloud.elbv2.set_ip_address_type(
                LoadBalancerArn=physical_id, IpAddressType=wants.get("IpAddressType", "ipv4")
            )
        _set_attributes(cloud, physical_id, had, wants)
        _elbv2.retag(cloud, physical_id, before, after)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        cloud.elbv2.delete_load_balancer(LoadBalancerArn=physical_id)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _elbv2.load_balancer(cloud, physical_id) is None


def _set_attributes(
    cloud: Cloud, arn: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    name = "LoadBalancerAttributes"
    wanted = _elbv2.attribute_changes(before.get(name, []), after.get(name, []), _DEFAULTS)
    if wanted:
        cloud.elbv2.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=wanted)


HANDLER = LoadBalancer()
