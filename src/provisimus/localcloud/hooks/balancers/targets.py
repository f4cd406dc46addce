"""Target groups as records: what can be a group here, who may be its target, who is draining.

Sources: Elastic Load Balancing API reference, CreateTargetGroup, RegisterTargets,
DeregisterTargets, ModifyTargetGroupAttributes; user guide, "Edit target group attributes".
"""

from __future__ import annotations

import ipaddress
import re
import time
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.elbv2.exceptions import ELBClientError, TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeTargetGroup

from provisimus.localcloud.hooks.balancers.refusals import (
    check_attributes,
    invalid,
    unknown,
    whole_number,
)
from provisimus.localcloud.hooks.cloud import replace

HONOURED: dict[str, tuple[str, ...]] = {
    "deregistration_delay.timeout_seconds": (),
    "load_balancing.algorithm.type": ("round_robin", "least_outstanding_requests"),
    "stickiness.enabled": ("true", "false"),
    "stickiness.lb_cookie.duration_seconds": (),
    "stickiness.type": ("lb_cookie",),
}
DEFAULTS = {
    "deregistration_delay.timeout_seconds": "300",
    "load_balancing.algorithm.anomaly_mitigation": "off",
    "load_balancing.algorithm.type": "round_robin",
    "load_balancing.cross_zone.enabled": "use_load_balancer_configuration",
    "slow_start.duration_seconds": "0",
    "stickiness.app_cookie.cookie_name": "",
    "stickiness.app_cookie.duration_seconds": "86400",
    "stickiness.enabled": "false",
    "stickiness.lb_cookie.duration_seconds": "86400",
    "stickiness.type": "lb_cookie",
    "target_group_health.dns_failover.minimum_healthy_targets.count": "1",
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": "off",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": "1",
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": "off",
}
_CODES = re.compile(r"[2-5]\d\d(-[2-5]\d\d)?(,[2-5]\d\d(-[2-5]\d\d)?)*")

_moto_create = ELBv2Backend.create_target_group
_moto_modify = ELBv2Backend.modify_target_group
_moto_attributes = ELBv2Backend.modify_target_group_attributes


def install() -> None:
    """Replace moto's methods."""
    replace(ELBv2Backend, "create_target_group", _create)
    replace(ELBv2Backend, "modify_target_group", _modify)
    replace(ELBv2Backend, "modify_target_group_attributes", _modify_attributes)
    replace(FakeTargetGroup, "register", _register)
    replace(FakeTargetGroup, "deregister", _deregister)
    replace(FakeTargetGroup, "deregister_terminated_instances", _terminated)


def setting(group: Any, name: str) -> str:
    """An attribute as it is, set or not."""
    return str(group.attributes.get(name, DEFAULTS[name]))


def draining(group: Any) -> dict[str, float]:
    """Targets that were deregistered, and when (as time.time() has it) that is over."""
    found: dict[str, float] = group.__dict__.setdefault("draining", {})
    return found


def address_of(group: Any, target: Any) -> str | None:
    """Where a target is reached: the private address of an instance, or the target itself."""
    if group.target_type == "ip":
        return str(target["Id"])
    instance = group.ec2_backend.get_instance_by_id(target["Id"])
    return str(instance.private_ip) if instance is not None and instance.private_ip else None


def _create(backend: Any, name: str, **given: Any) -> Any:
    kind = given.get("target_type") or "instance"
    if kind not in ("instance", "ip"):
        raise unknown(f"A target group of type {kind}")
    if given.get("protocol") not in ("HTTP", "HTTPS", None):
        raise unknown(f"A target group with protocol {given['protocol']}")
    if (given.get("protocol_version") or "HTTP1") != "HTTP1":
        raise unknown(f"ProtocolVersion {given['protocol_version']}")
    if (given.get("ip_address_type") or "ipv4") != "ipv4":
        raise unknown(f"IpAddressType {given['ip_address_type']}")
    if given.get("healthcheck_enabled") == "false":
        raise invalid(f"Health checks are always enabled for targets of type {kind}")
    _check_health(
        given.get("healthcheck_protocol"), given.get("healthcheck_port"),
        given.get("healthcheck_path"), given.get("matcher"),
    )  # fmt: skip
    made = _moto_create(backend, name, **given)
    made.attributes = {**DEFAULTS}
    return made


def _modify(backend: Any, arn: str, *given: Any, **named: Any) -> Any:
    protocol, port, path, interval, timeout, _, _, codes = given
    group = backend.target_groups.get(arn)
    if group is None:
        raise TargetGroupNotFoundError
    _check_health(protocol, port, path, {"HttpCode": codes} if codes else None)
    enabled = named.get("health_check_enabled")
    if str(enabled).lower() == "false":
        raise invalid(f"Health checks are always enabled for targets of type {group.target_type}")
    after = (
        int(interval or group.health_check_interval_seconds),
        int(timeout or group.health_check_timeout_seconds),
    )
    if after[0] <= after[1]:
        raise invalid(
            f"Health check timeout '{after[1]}' must be smaller than the interval '{after[0]}'"
        )
    return _moto_modify(backend, arn, *given)


def _check_health(protocol: Any, port: Any, path: Any, matcher: Any) -> None:
    if protocol not in (None, "HTTP", "HTTPS"):
        raise invalid(f"Health check protocol '{protocol}' must be HTTP or HTTPS")
    if port not in (None, "traffic-port"):
        whole_number("HealthCheckPort", str(port), 1, 65535)
    if path is not None and not str(path).startswith("/"):
        raise invalid(f"Health check path '{path}' must begin with a '/' character")
    if matcher and "GrpcCode" in matcher:
        raise unknown("A matcher of gRPC codes")
    if matcher and not _CODES.fullmatch(str(matcher.get("HttpCode", ""))):
        raise invalid(f"Health check matcher HTTP code '{matcher.get('HttpCode')}' is not valid")


def _modify_attributes(backend: Any, target_group_arn: str, attributes: dict[str, str]) -> None:
    check_attributes(attributes, HONOURED, DEFAULTS)
    for name, least, most in (
        ("deregistration_delay.timeout_seconds", 0, 3600),
        ("stickiness.lb_cookie.duration_seconds", 1, 604800),
    ):
        if name in attributes:
            whole_number(name, attributes[name], least, most)
    _moto_attributes(backend, target_group_arn, attributes)


def _register(group: Any, targets: list[dict[str, Any]]) -> None:
    for target in targets:
        identifier, port = target["Id"], int(target.get("Port") or group.port)
        if target.get("AvailabilityZone") == "all":
            raise unknown("A target outside of the VPC (AvailabilityZone all)")
        before = group.targets.get(identifier)
        if before is not None and int(before["Port"]) != port:
            raise unknown(f"A target with two ports ({identifier})")
        if group.target_type == "ip":
            _check_address(group, identifier)
        else:
            _check_instance(group, identifier)
    for target in targets:
        identifier, port = target["Id"], int(target.get("Port") or group.port)
        group.targets[identifier] = {"Id": identifier, "Port": port}
        group.deregistered_targets.pop(identifier, None)
        group.terminated_targets.pop(identifier, None)
        draining(group).pop(identifier, None)


def _check_instance(group: Any, identifier: str) -> None:
    instance = group.ec2_backend.get_instance_by_id(identifier)
    if instance is None:
        raise ELBClientError("InvalidTarget", f"The instance ID '{identifier}' is not valid")
    if instance.vpc_id != group.vpc_id:
        raise ELBClientError(
            "InvalidTarget",
            f"The following targets are not in the target group VPC '{group.vpc_id}': "
            f"'{identifier}'",
        )
    if instance.state != "running":
        raise ELBClientError(
            "InvalidTarget",
            f"The following targets are not in a running state and cannot be registered: "
            f"'{identifier}'",
        )


def _check_address(group: Any, identifier: str) -> None:
    vpc = group.ec2_backend.get_vpc(group.vpc_id)
    try:
        address = ipaddress.ip_address(identifier)
    except ValueError:
        raise ELBClientError(
            "ValidationError", f"The IP address '{identifier}' is not a valid IPv4 address"
        ) from None
    if address not in ipaddress.ip_network(vpc.cidr_block):
        raise ELBClientError(
            "ValidationError", f"The IP address '{identifier}' is not in VPC {group.vpc_id}"
        )


def _deregister(group: Any, targets: list[dict[str, Any]]) -> None:
    for target in targets:
        identifier = target["Id"]
        if identifier not in group.targets:
            if group.target_type == "instance":
                try:
                    group.ec2_backend.get_instance(identifier)
                except EC2ClientError:
                    raise ELBClientError(
                        "InvalidTarget", f"The instance ID '{identifier}' is not valid"
                    ) from None
            continue
        _leave(group, identifier)


def _terminated(group: Any, instance_ids: list[str]) -> None:
    for identifier in instance_ids:
        if identifier in group.targets:
            _leave(group, identifier)


def leave_terminated(group: Any) -> None:
    """Let go of instances that are no more, however they ended."""
    if group.target_type == "instance":
        for identifier in list(group.targets):
            instance = group.ec2_backend.get_instance_by_id(identifier)
            if instance is None or instance.state in ("shutting-down", "terminated"):
                _leave(group, identifier)


def _leave(group: Any, identifier: str) -> None:
    group.deregistered_targets[identifier] = group.targets.pop(identifier)
    if group.load_balancer_arns:
        delay = float(setting(group, "deregistration_delay.timeout_seconds"))
        draining(group)[identifier] = time.time() + delay
