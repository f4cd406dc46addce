"""Security groups: a rule is the same as another whatever their descriptions say.

Source: EC2 API reference, AuthorizeSecurityGroupIngress, DescribeSecurityGroupRules.
"""

from __future__ import annotations

from typing import Any

from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule

from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.hooks.vpc.tags import forget

_moto_delete_group = SecurityGroupBackend._delete_security_group


def install() -> None:
    """Replace moto's methods."""
    replace(SecurityGroupRule, "__eq__", _same)
    replace(SecurityGroupBackend, "_delete_security_group", _delete_group)
    setattr(SecurityGroupRule, "description", property(_description))  # noqa: B010


def _delete_group(backend: Any, vpc_id: str | None, group_id: str) -> None:
    group = backend.get_security_group_from_id(group_id)
    _moto_delete_group(backend, vpc_id, group_id)
    for rule in (*group.ingress_rules, *group.egress_rules):
        forget(backend, rule.id)
    forget(backend, group_id)


def _description(rule: Any) -> str | None:
    """Moto forgets that of a rule for another group."""
    found = rule.ip_range.get("Description") or rule.source_group.get("Description")
    return str(found) if found else None


def _same(rule: Any, other: Any) -> bool:
    return isinstance(other, SecurityGroupRule) and _essence(rule) == _essence(other)


def _essence(rule: Any) -> tuple[Any, ...]:
    ports = () if rule.ip_protocol == "-1" else (rule.from_port, rule.to_port)
    return (
        rule.ip_protocol,
        ports,
        rule.ip_range.get("CidrIp"),
        rule.ip_range.get("CidrIpv6"),
        rule.source_group.get("GroupId"),
        rule.prefix_list_id,
    )
