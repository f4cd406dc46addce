"""The load balancer of instances: who may reach it, whom it asks, and how."""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import WantedStack
from provisimus.workspace.definitions.stacks.autoscaled_service import AutoscaledServiceDefinition

Wanted = WantedStack[AutoscaledServiceDefinition]

TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
"""TLS 1.2 and 1.3 with forward secrecy ("Security policies for your Application Load Balancer")."""

INTERVAL, HEALTHY, UNHEALTHY = 10, 2, 3
"""Seconds between two health checks, and how many answers make a target healthy or not."""


def health_path(wanted: Wanted) -> tuple[int, str]:
    assert wanted.health is not None
    assert wanted.health.http is not None
    return wanted.health.http.port, wanted.health.http.path


def front_group(wanted: Wanted) -> dict[str, Any]:
    balancer = wanted.definition.balancer
    ports = (443, 80) if balancer.certificate else (80,)
    rules = [parts.port_from(port, source) for port in ports for source in balancer.sources]
    return parts.security_group(f"{wanted.service}: who may reach its load balancer", rules)


def load_balancer(wanted: Wanted) -> dict[str, Any]:
    balancer = wanted.definition.balancer
    return {
        "Type": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "Properties": {
            "Type": "application",
            "Scheme": "internet-facing" if balancer.public else "internal",
            "Subnets": {"Ref": "FrontSubnetIds"},
            "SecurityGroups": [parts.group_id("BalancerSecurityGroup")],
            "LoadBalancerAttributes": [
                {"Key": "idle_timeout.timeout_seconds", "Value": str(balancer.idle)},
                {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "true"},
            ],
            "Tags": parts.named(),
        },
    }


def targets_of(wanted: Wanted) -> str:
    """The logical id of the target group. It is of one load balancer at a time ("Target groups for
    your Application Load Balancers"), and another scheme is another balancer, which comes before
    the old one goes: it brings a target group of its own."""
    return "TargetGroup" if wanted.definition.balancer.public else "InternalTargetGroup"


def targets(wanted: Wanted, port: int) -> dict[str, Any]:
    health_port, path = health_path(wanted)
    return {
        "Type": "AWS::ElasticLoadBalancingV2::TargetGroup",
        "Properties": {
            "TargetType": "instance",
            "VpcId": {"Ref": "VpcId"},
            "Protocol": "HTTP",
            "Port": port,
            "HealthCheckProtocol": "HTTP",
            "HealthCheckPort": str(health_port),
            "HealthCheckPath": path,
            "HealthCheckIntervalSeconds": INTERVAL,
            "HealthCheckTimeoutSeconds": INTERVAL // 2,
            "HealthyThresholdCount": HEALTHY,
            "UnhealthyThresholdCount": UNHEALTHY,
            "Matcher": {"HttpCode": "200"},
            "TargetGroupAttributes": [
                {"Key": "deregistration_delay.timeout_seconds", "Value": "30"}
            ],
            "Tags": parts.named(),
        },
    }


def listeners(wanted: Wanted) -> dict[str, Any]:
    forward = [{"Type": "forward", "TargetGroupArn": {"Ref": targets_of(wanted)}}]
    certificate = wanted.definition.balancer.certificate
    if certificate is None:
        return {"Listener": _listener(80, "HTTP", forward)}
    away = {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}
    arn = parts.arn_in(certificate, wanted.others, "CertificateArn")
    secure = {"SslPolicy": TLS_POLICY, "Certificates": [{"CertificateArn": arn}]}
    return {
        "Listener": _listener(443, "HTTPS", forward, **secure),
        "PlainListener": _listener(80, "HTTP", [{"Type": "redirect", "RedirectConfig": away}]),
    }


def _listener(port: int, protocol: str, actions: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::ElasticLoadBalancingV2::Listener",
        "Properties": {
            "LoadBalancerArn": {"Ref": "LoadBalancer"},
            "Port": port,
            "Protocol": protocol,
            **more,
            "DefaultActions": actions,
        },
    }


def full_name(kind: str, resource: str | None = None) -> dict[str, Any]:
    return {"Fn::GetAtt": [resource or kind, f"{kind}FullName"]}
