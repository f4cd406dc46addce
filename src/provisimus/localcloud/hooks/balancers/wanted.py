"""From moto's records to what a load balancer shall be, and whom it does not send to and why."""

from __future__ import annotations

import ipaddress
from typing import Any

from moto.elbv2.ssl_policies import SSL_POLICIES

from provisimus.localcloud.balancers.health import Health
from provisimus.localcloud.balancers.model import (
    Action,
    Balancer,
    Certificate,
    Condition,
    Fixed,
    Forward,
    Group,
    HealthCheck,
    Listener,
    Redirect,
    Rule,
    Share,
    Target,
    Tls,
)
from provisimus.localcloud.hooks.balancers import records, targets
from provisimus.localcloud.hooks.balancers.listeners import groups_of

_NO_LISTENER = Health(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
_ELSEWHERE = Health(
    "unused",
    "Target.NotInUse",
    "Target is in an Availability Zone that is not enabled for the load balancer",
)
_STOPPED = Health("unused", "Target.InvalidState", "Target is in the stopped state")
_ALIVE = ("pending", "running")


def wanted(backend: Any, balancer: Any) -> Balancer:
    """The balancer as the API's records have it now."""
    groups = [backend.target_groups[arn] for arn in groups_of(backend, balancer)]
    sources = {
        nic.subnet.availability_zone: str(nic.private_ip_address)
        for nic in records.interfaces(balancer, backend.ec2_backend)
    }
    return Balancer(
        name=balancer.name,
        addresses=tuple(
            nic.private_ip_address for nic in records.interfaces(balancer, backend.ec2_backend)
        ),
        listeners=tuple(
            sorted(
                (_listener(backend, each) for each in list(balancer.listeners.values())),
                key=lambda listener: listener.port,
            )
        ),
        groups=tuple(_group(each, sources) for each in groups),
        idle_timeout=int(records.setting(balancer, "idle_timeout.timeout_seconds")),
        http2=records.setting(balancer, "routing.http2.enabled") == "true",
        only_valid_headers=records.setting(
            balancer, "routing.http.drop_invalid_header_fields.enabled"
        )
        == "true",
        forwarded_for=records.setting(balancer, "routing.http.xff_header_processing.mode"),
    )


def group_name(arn: str) -> str:
    """The name of a target group in HAProxy: `NAME.ID`."""
    return arn.partition(":targetgroup/")[2].replace("/", ".")


def unused(backend: Any, group: Any, target: Any) -> Health | None:
    """Why no balancer sends to a registered target, if that is so."""
    if not group.load_balancer_arns:
        return _NO_LISTENER
    if group.target_type == "instance":
        instance = group.ec2_backend.get_instance_by_id(target["Id"])
        if instance is None or instance.state not in _ALIVE:
            return _STOPPED
    zone = _zone(group, target)
    balancers = [
        backend.load_balancers[arn]
        for arn in group.load_balancer_arns
        if arn in backend.load_balancers
    ]
    if not any(zone in _zones(each) for each in balancers):
        return _ELSEWHERE
    return None


def _group(group: Any, sources: dict[str, str]) -> Group:
    port = group.health_check_port
    sticky = targets.setting(group, "stickiness.enabled") == "true"
    seconds = int(targets.setting(group, "stickiness.lb_cookie.duration_seconds"))
    algorithm = targets.setting(group, "load_balancing.algorithm.type")
    return Group(
        name=group_name(group.arn),
        targets=tuple(_targets(group, sources)),
        protocol=group.protocol,
        check=HealthCheck(
            protocol=group.health_check_protocol,
            port=None if port in (None, "traffic-port") else int(port),
            path=group.health_check_path or "/",
            codes=str((group.matcher or {}).get("HttpCode") or "200"),
            interval=int(group.health_check_interval_seconds),
            timeout=int(group.health_check_timeout_seconds),
            healthy=int(group.healthy_threshold_count),
            unhealthy=int(group.unhealthy_threshold_count),
        ),
        least_outstanding=algorithm == "least_outstanding_requests",
        sticky=seconds if sticky else None,
    )


def _targets(group: Any, sources: dict[str, str]) -> list[Target]:
    """Those that get requests, each from the balancer's address in its own zone."""
    found = []
    for target in list(group.targets.values()):
        if group.target_type == "instance":
            instance = group.ec2_backend.get_instance_by_id(target["Id"])
            if instance is None or instance.state not in _ALIVE:
                continue
        address = targets.address_of(group, target)
        zone = _zone(group, target)
        if address is not None and zone in sources:
            found.append(Target(target["Id"], address, int(target["Port"]), sources[zone]))
    return found


def _zones(balancer: Any) -> set[str]:
    return {subnet.availability_zone for subnet in balancer.subnets}


def _zone(group: Any, target: Any) -> str:
    """The zone that a target is in."""
    if group.target_type == "instance":
        instance = group.ec2_backend.get_instance_by_id(target["Id"])
        nic = instance.nics.get(0) if instance is not None else None
        return str(nic.subnet.availability_zone) if nic is not None else ""
    address = ipaddress.ip_address(target["Id"])
    for zone in list(group.ec2_backend.subnets.values()):
        for subnet in list(zone.values()):
            if subnet.vpc_id == group.vpc_id and address in ipaddress.ip_network(subnet.cidr_block):
                return str(subnet.availability_zone)
    return ""


def _listener(backend: Any, listener: Any) -> Listener:
    rules = [rule for rule in listener.rules.values() if not rule.is_default]
    return Listener(
        port=int(listener.port),
        default=_action(backend, listener._default_rule[0].actions),
        rules=tuple(
            Rule(
                tuple(_condition(each) for each in rule.conditions), _action(backend, rule.actions)
            )
            for rule in rules
        ),
        tls=_tls(backend, listener) if listener.protocol == "HTTPS" else None,
    )


def _action(backend: Any, actions: list[Any]) -> Action:
    data = actions[-1].data
    match data["Type"]:
        case "redirect":
            given = data["RedirectConfig"]
            parts = {
                name.lower(): str(given[name])
                for name in ("Protocol", "Host", "Port", "Path", "Query")
                if given.get(name) is not None
            }
            return Redirect(int(given["StatusCode"].removeprefix("HTTP_")), **parts)
        case "fixed-response":
            given = data["FixedResponseConfig"]
            return Fixed(
                int(given["StatusCode"]),
                given.get("ContentType") or "text/plain",
                given.get("MessageBody") or "",
            )
        case _:
            shares = (data.get("ForwardConfig") or {}).get("TargetGroups") or [
                {"TargetGroupArn": data["TargetGroupArn"]}
            ]
            return Forward(
                tuple(
                    Share(group_name(each["TargetGroupArn"]), int(each.get("Weight", 1)))
                    for each in shares
                    if each["TargetGroupArn"] in backend.target_groups
                )
            )


def _condition(given: Any) -> Condition:
    field = given["Field"]
    match field:
        case "query-string":
            values = given["QueryStringConfig"]["Values"]
            pairs = tuple((str(each.get("Key") or ""), str(each["Value"])) for each in values)
            return Condition(field, pairs=pairs)
        case "http-header":
            config = given["HttpHeaderConfig"]
            return Condition(field, tuple(config["Values"]), header=config["HttpHeaderName"])
        case _:
            config = {
                "host-header": "HostHeaderConfig",
                "path-pattern": "PathPatternConfig",
                "http-request-method": "HttpRequestMethodConfig",
                "source-ip": "SourceIpConfig",
            }[field]
            return Condition(field, tuple((given.get(config) or given)["Values"]))


def _tls(backend: Any, listener: Any) -> Tls:
    from moto.acm.models import acm_backends

    known = acm_backends[backend.account_id][backend.region_name]._certificates
    policy = SSL_POLICIES[listener.ssl_policy]
    return Tls(
        certificates=tuple(
            Certificate(
                arn.rpartition("/")[2],
                b"\n".join((known[arn].cert, known[arn].chain, known[arn].key)),
            )
            for arn in listener.certificates
            if arn in known
        ),
        protocols=tuple(policy["ssl_protocols"]),
        # Those of TLS 1.3 are all of OpenSSL's own.
        ciphers=tuple(each for each in policy["ciphers"] if not each.startswith("TLS_")),
    )
