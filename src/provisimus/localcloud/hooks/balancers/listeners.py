"""Listeners and rules as records: ports, certificates that are issued, actions that are simulated.

Sources: Elastic Load Balancing API reference, CreateListener, ModifyListener, CreateRule,
SetRulePriorities, AddListenerCertificates, Action, RuleCondition.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Any

from moto.elbv2.exceptions import (
    DuplicateListenerError,
    ELBClientError,
    LoadBalancerNotFoundError,
    PriorityInUseError,
    RuleNotFoundError,
)
from moto.elbv2.models import ELBv2Backend, FakeListener
from moto.elbv2.ssl_policies import SSL_POLICIES

from provisimus.localcloud.hooks.balancers.refusals import denied, invalid, unknown
from provisimus.localcloud.hooks.cloud import replace, replace_property

_ACTIONS = ("forward", "redirect", "fixed-response")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}")
_METHOD = re.compile(r"[A-Z_-]{1,40}")
_PORT = re.compile(r"#\{port\}|[1-9]\d{0,4}")
_SAFE_HEADER = re.compile(r"[A-Za-z0-9_-]+")

_moto_create = ELBv2Backend.create_listener
_moto_modify = ELBv2Backend.modify_listener
_moto_create_rule = ELBv2Backend.create_rule
_moto_modify_rule = ELBv2Backend.modify_rule
_moto_delete_rule = ELBv2Backend.delete_rule
_moto_add = ELBv2Backend.add_listener_certificates
_moto_attributes = ELBv2Backend.modify_listener_attributes


def install() -> None:
    """Replace moto's methods."""
    replace(ELBv2Backend, "create_listener", _create)
    replace(ELBv2Backend, "modify_listener", _modify)
    replace(ELBv2Backend, "create_rule", _create_rule)
    replace(ELBv2Backend, "modify_rule", _modify_rule)
    replace(ELBv2Backend, "delete_rule", _delete_rule)
    replace(ELBv2Backend, "add_listener_certificates", _add_certificates)
    replace(ELBv2Backend, "remove_listener_certificates", _remove_certificates)
    replace(ELBv2Backend, "modify_listener_attributes", _modify_attributes)
    replace_property(FakeListener, "rules", _rules)


def _rules(listener: Any) -> dict[str, Any]:
    """By ARN, in the order in which they are tried; the default rule last."""
    rules = sorted(listener._non_default_rules.values(), key=lambda rule: int(rule.priority))
    return {rule.arn: rule for rule in [*rules, listener._default_rule[0]]}


def _create(
    backend: Any,
    load_balancer_arn: str,
    protocol: str,
    port: str,
    ssl_policy: str,
    certificate: str | None,
    actions: list[dict[str, Any]],
    alpn_policy: list[str] | None = None,
    tags: Any = None,
) -> Any:
    balancer = backend.load_balancers.get(load_balancer_arn)
    if balancer is None:
        raise LoadBalancerNotFoundError
    if any(str(each.port) == str(port) for each in balancer.listeners.values()):
        raise DuplicateListenerError
    if alpn_policy:
        raise invalid("An ALPN policy is for TLS listeners of network load balancers")
    if not actions:
        raise invalid("A default action must be specified")
    _check_port(port)
    _check_actions(backend, balancer, actions)
    _check_tls(backend, protocol, ssl_policy, [certificate] if certificate else [])
    policy = ssl_policy if protocol == "HTTPS" else ""
    made = _moto_create(
        backend, load_balancer_arn, protocol, port, policy, certificate, actions, None, tags
    )
    _note_groups(backend)
    return made


def _modify(
    backend: Any,
    arn: str,
    port: Any = None,
    protocol: Any = None,
    ssl_policy: Any = None,
    certificates: list[dict[str, Any]] | None = None,
    actions: list[dict[str, Any]] | None = None,
) -> Any:
    listener = backend.describe_listeners(None, [arn])[0]
    balancer = backend.load_balancers[listener.load_balancer_arn]
    if port is not None:
        _check_port(port)
        rest = [each for each in balancer.listeners.values() if each is not listener]
        if any(str(each.port) == str(port) for each in rest):
            raise DuplicateListenerError
    _check_actions(backend, balancer, actions or [])
    after = protocol or listener.protocol
    if after not in ("HTTP", "HTTPS"):
        raise ELBClientError("UnsupportedProtocol", f"Protocol {after} is not supported")
    given = [each["CertificateArn"] for each in certificates or ()]
    policy = ssl_policy or listener.ssl_policy or "ELBSecurityPolicy-2016-08"
    _check_tls(backend, after, policy, given or listener.certificates[:1])
    others = list(listener.certificates[1:])
    changed = _moto_modify(
        backend, arn, port, protocol, ssl_policy, certificates or [], actions or []
    )
    if after == "HTTP":
        changed.certificate, changed.certificates, changed.ssl_policy = None, [], ""
    else:
        changed.ssl_policy = policy
        if given:  # ModifyListener replaces the default certificate alone
            changed.certificates = [given[0], *(each for each in others if each != given[0])]
    _note_groups(backend)
    return changed


def _create_rule(
    backend: Any,
    listener_arn: str,
    conditions: list[dict[str, Any]],
    priority: Any,
    actions: list[dict[str, Any]],
    tags: Any = None,
) -> Any:
    listener = backend.describe_listeners(None, [listener_arn])[0]
    number: Any = int(priority)
    if not 1 <= number <= 50000:
        raise invalid(f"Priority '{priority}' must be between 1 and 50000")
    if any(str(rule.priority) == str(number) for rule in listener._non_default_rules.values()):
        raise PriorityInUseError
    _check_conditions(conditions)
    _check_actions(backend, backend.load_balancers[listener.load_balancer_arn], actions)
    made = _moto_create_rule(backend, listener_arn, conditions, number, actions, tags)
    _note_groups(backend)
    return made


def _modify_rule(
    backend: Any, rule_arn: str, conditions: list[dict[str, Any]], actions: list[dict[str, Any]]
) -> Any:
    rule = backend.describe_rules(None, [rule_arn])[0]
    if rule.is_default:
        raise denied("Default rule cannot be modified; modify the listener")
    listener = backend.describe_listeners(None, [rule.listener_arn])[0]
    _check_conditions(conditions)
    _check_actions(backend, backend.load_balancers[listener.load_balancer_arn], actions)
    changed = _moto_modify_rule(backend, rule_arn, conditions, actions)
    _note_groups(backend)
    return changed


def _delete_rule(backend: Any, arn: str) -> None:
    try:
        (rule,) = backend.describe_rules(None, [arn])
    except (RuleNotFoundError, ValueError):
        raise RuleNotFoundError from None
    if rule.is_default:
        raise denied("Default rule cannot be deleted")
    _moto_delete_rule(backend, arn)
    _note_groups(backend)


def _add_certificates(backend: Any, arn: str, certificates: list[dict[str, Any]]) -> list[str]:
    listener = backend.describe_listeners(None, [arn])[0]
    if listener.protocol != "HTTPS":
        raise ELBClientError(
            "InvalidConfigurationRequest", "Certificates are for HTTPS listeners alone"
        )
    given = [each["CertificateArn"] for each in certificates]
    _check_tls(backend, "HTTPS", listener.ssl_policy, given)
    new = [each for each in certificates if each["CertificateArn"] not in listener.certificates]
    _moto_add(backend, arn, new)
    return given


def _remove_certificates(backend: Any, arn: str, certificates: list[dict[str, Any]]) -> None:
    listener = backend.describe_listeners(None, [arn])[0]
    gone = [each["CertificateArn"] for each in certificates]
    if listener.certificates and listener.certificates[0] in gone:
        raise denied("The default certificate of a listener cannot be removed")
    listener.certificates = [each for each in listener.certificates if each not in gone]


def _modify_attributes(backend: Any, listener_arn: str, attrs: list[dict[str, str]]) -> Any:
    if attrs:
        raise unknown(f"The listener attribute {attrs[0]['Key']}")
    return _moto_attributes(backend, listener_arn, attrs)


def _note_groups(backend: Any) -> None:
    """Which groups are used by which balancer: moto adds them and takes none away."""
    used: dict[str, set[str]] = {}
    for balancer in backend.load_balancers.values():
        for group in groups_of(backend, balancer):
            used.setdefault(group, set()).add(balancer.arn)
    for arn, group in backend.target_groups.items():
        group.load_balancer_arns = sorted(used.get(arn, ()))


def groups_of(backend: Any, balancer: Any) -> list[str]:
    """ARNs of the target groups that a balancer's rules forward to."""
    return list(
        dict.fromkeys(
            arn
            for listener in list(balancer.listeners.values())
            for rule in listener.rules.values()
            for action in rule.actions
            for arn in backend._get_target_group_arns_from(action.data)
        )
    )


def _check_port(port: Any) -> None:
    if not str(port).isdecimal() or not 1 <= int(port) <= 65535:
        raise invalid(f"The port '{port}' must be between 1 and 65535")


def _check_tls(backend: Any, protocol: str, policy: str, certificates: Iterable[str]) -> None:
    from moto.acm.models import acm_backends

    if protocol != "HTTPS":
        if list(certificates):
            raise ELBClientError(
                "InvalidConfigurationRequest", "Certificates are for HTTPS listeners alone"
            )
        return
    if policy not in SSL_POLICIES:
        raise ELBClientError("SSLPolicyNotFound", f"Policy {policy} not found")
    arns = list(certificates)
    if not arns:
        raise invalid("A certificate must be specified for HTTPS listeners")
    known = acm_backends[backend.account_id][backend.region_name]
    for arn in arns:
        if ":iam:" in arn:
            raise unknown("A certificate of IAM")
        if arn not in known._certificates:
            raise ELBClientError("CertificateNotFound", f"Certificate '{arn}' not found")
        if known.get_certificate(arn).status != "ISSUED":
            raise ELBClientError(
                "UnsupportedCertificate",
                f"The certificate '{arn}' must have a fully-qualified domain name, a supported "
                "signature, and a supported key size.",
            )


def _check_actions(backend: Any, balancer: Any, actions: list[dict[str, Any]]) -> None:
    for action in actions:
        kind = action.get("Type")
        if kind not in _ACTIONS:
            raise unknown(f"The action {kind}")
        config = action.get("ForwardConfig") or {}
        if str((config.get("TargetGroupStickinessConfig") or {}).get("Enabled")).lower() == "true":
            raise unknown("Stickiness of target groups in a rule")
        for arn in backend._get_target_group_arns_from(action):
            group = backend.target_groups.get(arn)
            if group is not None and group.vpc_id != balancer.vpc_id:
                raise ELBClientError(
                    "InvalidConfigurationRequest",
                    f"The target group {arn} is not in VPC {balancer.vpc_id}",
                )
            if group is not None and set(group.load_balancer_arns) - {balancer.arn}:
                raise ELBClientError(
                    "TargetGroupAssociationLimit",
                    f"The target group {arn} is associated with another load balancer",
                )
        for share in config.get("TargetGroups", []):
            if not 0 <= int(share.get("Weight") or 0) <= 999:
                raise invalid("A weight must be between 0 and 999")
        if kind == "redirect":
            _check_redirect(action.get("RedirectConfig") or {})
    if len(actions) > 1:
        raise unknown("More than one action in a rule")


def _check_redirect(config: dict[str, Any]) -> None:
    if config.get("StatusCode") not in ("HTTP_301", "HTTP_302"):
        raise invalid("The status code of a redirect must be HTTP_301 or HTTP_302")
    if config.get("Protocol", "#{protocol}") not in ("HTTP", "HTTPS", "#{protocol}"):
        raise invalid("The protocol of a redirect must be HTTP, HTTPS or #{protocol}")
    if not _PORT.fullmatch(str(config.get("Port", "#{port}"))):
        raise invalid("The port of a redirect must be a number or #{port}")
    if not str(config.get("Path", "/")).startswith("/"):
        raise invalid("The path of a redirect must begin with /")


def _check_conditions(conditions: list[dict[str, Any]]) -> None:
    for condition in conditions:
        if any("Regex" in name for value in [condition, *condition.values()]
               if isinstance(value, dict) for name in value):  # fmt: skip
            raise unknown("A condition with regular expressions")
        header = (condition.get("HttpHeaderConfig") or {}).get("HttpHeaderName")
        if header is not None and not _HEADER.fullmatch(header):
            raise invalid(f"'{header}' is not the name of a header")
        if header is not None and not _SAFE_HEADER.fullmatch(header):
            raise unknown(f"A condition on the header {header}")
        for method in (condition.get("HttpRequestMethodConfig") or {}).get("Values", []):
            if not _METHOD.fullmatch(method):
                raise invalid(f"'{method}' is not a request method")
        for block in (condition.get("SourceIpConfig") or {}).get("Values", []):
            try:
                ipaddress.ip_network(block, strict=False)
            except ValueError:
                raise invalid(f"'{block}' is not a CIDR block") from None
