"""Read load balancers, and certificates, back through their services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.contract.cloudformation.readers import given, reads, tags

_ELB = "AWS::ElasticLoadBalancingV2::"


def own_tags(elb: Any, arn: str) -> list[dict[str, str]]:
    return tags(elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0])


def asked(told: list[dict[str, str]], wanted: Any) -> list[dict[str, str]]:
    """Of all attributes those that the template names."""
    keys = {each["Key"] for each in wanted or ()}
    return [each for each in told if each["Key"] in keys]


@reads(f"{_ELB}LoadBalancer")
def balancer(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    elb = world.client("elbv2")
    (told,) = elb.describe_load_balancers(LoadBalancerArns=[physical_id])["LoadBalancers"]
    settings = elb.describe_load_balancer_attributes(LoadBalancerArn=physical_id)["Attributes"]
    subnets = [each["SubnetId"] for each in told["AvailabilityZones"]]
    name = "LoadBalancerAttributes"
    return {
        "Name": told["LoadBalancerName"],
        "SubnetMappings": [{"SubnetId": each} for each in subnets],
        "Subnets": subnets,
        "Tags": own_tags(elb, physical_id),
        name: asked(settings, wanted.get(name)),
        **given(told, "IpAddressType", "Scheme", "SecurityGroups", "Type"),
    }


@reads(f"{_ELB}TargetGroup")
def target_group(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    elb = world.client("elbv2")
    (told,) = elb.describe_target_groups(TargetGroupArns=[physical_id])["TargetGroups"]
    settings = elb.describe_target_group_attributes(TargetGroupArn=physical_id)["Attributes"]
    health = elb.describe_target_health(TargetGroupArn=physical_id)["TargetHealthDescriptions"]
    name = "TargetGroupAttributes"
    return {
        **told,
        "Name": told["TargetGroupName"],
        "Tags": own_tags(elb, physical_id),
        "Targets": [given(each["Target"], "Id", "Port") for each in health],
        name: asked(settings, wanted.get(name)),
    }


@reads(f"{_ELB}Listener")
def listener(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    elb = world.client("elbv2")
    (told,) = elb.describe_listeners(ListenerArns=[physical_id])["Listeners"]
    certificates = told.get("Certificates", [])[:1]
    return {
        "SslPolicy": None,
        **told,
        "Certificates": [given(each, "CertificateArn") for each in certificates],
        "DefaultActions": actions(told["DefaultActions"]),
        "Tags": own_tags(elb, physical_id),
    }


@reads(f"{_ELB}ListenerRule")
def rule(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    elb = world.client("elbv2")
    (told,) = elb.describe_rules(RuleArns=[physical_id])["Rules"]
    listeners = elb.describe_rules(ListenerArn=wanted["ListenerArn"])["Rules"]
    assert physical_id in [each["RuleArn"] for each in listeners]
    return {
        "Actions": actions(told["Actions"]),
        "Conditions": told["Conditions"],
        "ListenerArn": wanted["ListenerArn"],
        "Priority": int(told["Priority"]),
        "Tags": own_tags(elb, physical_id),
    }


@reads(f"{_ELB}ListenerCertificate")
def further(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    elb = world.client("elbv2")
    told = elb.describe_listener_certificates(ListenerArn=wanted["ListenerArn"])["Certificates"]
    others = [given(each, "CertificateArn") for each in told if not each["IsDefault"]]
    return {"Certificates": others, "ListenerArn": wanted["ListenerArn"]}


@reads("AWS::CertificateManager::Certificate")
def certificate(world: Any, physical_id: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    acm, route53 = world.client("acm"), world.client("route53")
    told = acm.describe_certificate(CertificateArn=physical_id)["Certificate"]
    assert told["Status"] == "ISSUED"
    options = told["DomainValidationOptions"]
    zones = {each["DomainName"]: each["HostedZoneId"] for each in wanted["DomainValidationOptions"]}
    for each in options:
        zone = route53.list_resource_record_sets(HostedZoneId=zones[each["DomainName"]])
        names = {record["Name"] for record in zone["ResourceRecordSets"]}
        assert each["ResourceRecord"]["Name"] in names
    return {
        "DomainName": told["DomainName"],
        "DomainValidationOptions": [
            {"DomainName": name, "HostedZoneId": zone} for name, zone in zones.items()
        ],
        "KeyAlgorithm": told["KeyAlgorithm"],
        "SubjectAlternativeNames": told["SubjectAlternativeNames"][1:],
        "Tags": tags(acm.list_tags_for_certificate(CertificateArn=physical_id)),
        "ValidationMethod": options[0]["ValidationMethod"],
    }


def actions(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As a template has them: without what the service adds to them."""
    found = []
    for each in told:
        action = {name: value for name, value in each.items() if name != "Order"}
        config = action.get("ForwardConfig")
        if config is not None:
            action["ForwardConfig"] = given(config, "TargetGroups")
        found.append(action)
    return found
