"""Network ACLs: rules that EC2 would take, and the rule that denies the rest.

Sources: EC2 API reference, CreateNetworkAcl, CreateNetworkAclEntry, ReplaceNetworkAclAssociation;
VPC user guide, "Network ACL rules".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from moto.core.responses import EmptyResult
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.network_acls import NetworkAclBackend, NetworkAclEntry
from moto.ec2.responses.network_acls import NetworkACLs

from provisimus.localcloud.hooks.cloud import replace
from provisimus.localcloud.hooks.vpc.networks import canonical

_LAST = 32767
"""The rule that denies what no other rule allows; it cannot be changed."""
_TCP, _UDP, _ICMP = ("6", "tcp"), ("17", "udp"), ("1", "icmp", "58", "icmpv6")
_moto_create_acl = NetworkAclBackend.create_network_acl
_moto_create = NetworkAclBackend.create_network_acl_entry
_moto_delete = NetworkAclBackend.delete_network_acl_entry
_moto_associate = NetworkAclBackend.replace_network_acl_association


def install() -> None:
    """Replace moto's methods."""
    replace(NetworkACLs, "create_network_acl_entry", _asked("create_network_acl_entry"))
    replace(NetworkACLs, "replace_network_acl_entry", _asked("replace_network_acl_entry"))
    replace(NetworkAclBackend, "create_network_acl", _create_acl)
    replace(NetworkAclBackend, "create_network_acl_entry", _create_entry)
    replace(NetworkAclBackend, "replace_network_acl_entry", _replace_entry)
    replace(NetworkAclBackend, "delete_network_acl_entry", _delete_entry)
    replace(NetworkAclBackend, "replace_network_acl_association", _associate)


def _asked(operation: str) -> Callable[[Any], EmptyResult]:
    """The request; moto looks for the ICMP type and code under a name that they do not have."""

    def asked(request: Any) -> EmptyResult:
        get = request._get_param
        getattr(request.ec2_backend, operation)(
            network_acl_id=get("NetworkAclId"),
            rule_number=get("RuleNumber"),
            protocol=get("Protocol"),
            rule_action=get("RuleAction"),
            egress=get("Egress"),
            cidr_block=get("CidrBlock"),
            icmp_code=get("IcmpTypeCode.Code"),
            icmp_type=get("IcmpTypeCode.Type"),
            port_range_from=get("PortRange.From"),
            port_range_to=get("PortRange.To"),
            ipv6_cidr_block=get("Ipv6CidrBlock"),
        )
        return EmptyResult()

    return asked


def _create_acl(backend: Any, vpc_id: str, tags: Any = None, default: bool = False) -> Any:
    acl = _moto_create_acl(backend, vpc_id, tags, default)
    if not default:
        for egress in (True, False):
            acl.network_acl_entries.append(
                NetworkAclEntry(
                    backend, acl.id, _LAST, "-1", "deny", egress, "0.0.0.0/0",
                    icmp_code=None, icmp_type=None, port_range_from=None, port_range_to=None,
                    ipv6_cidr_block=None,
                )
            )  # fmt: skip
    return acl


def _create_entry(backend: Any, **rule: Any) -> Any:
    by_moto = (
        rule["rule_number"] == _LAST and backend.get_network_acl(rule["network_acl_id"]).default
    )
    if not by_moto:
        _refuse_bad_rule(rule)
    return _moto_create(backend, **{**rule, "cidr_block": canonical(rule["cidr_block"])})


def _replace_entry(backend: Any, **rule: Any) -> Any:
    """Refused before the old rule is gone."""
    _refuse_bad_rule(rule)
    _delete_entry(backend, rule["network_acl_id"], rule["rule_number"], rule["egress"])
    return _create_entry(backend, **rule)


def _delete_entry(backend: Any, network_acl_id: str, rule_number: int, egress: bool) -> Any:
    acl = backend.get_network_acl(network_acl_id)
    for entry in acl.network_acl_entries:
        if (entry.rule_number, bool(entry.egress)) == (rule_number, bool(egress)):
            return _moto_delete(backend, network_acl_id, rule_number, entry.egress)
    raise EC2ClientError(
        "InvalidNetworkAclEntry.NotFound",
        f"The network acl entry with rule number {rule_number} does not exist in {network_acl_id}",
    )


def _associate(backend: Any, association_id: str, network_acl_id: str) -> Any:
    wanted = backend.get_network_acl(network_acl_id)
    now = [acl for acl in backend.network_acls.values() if association_id in acl._associations]
    if not now:
        raise EC2ClientError(
            "InvalidAssociationID.NotFound", f"The association ID '{association_id}' does not exist"
        )
    if now[0].vpc_id != wanted.vpc_id:
        raise EC2ClientError(
            "InvalidParameterValue",
            f"Network ACL {network_acl_id} and association {association_id} belong to different "
            "networks",
        )
    return _moto_associate(backend, association_id, network_acl_id)


def _refuse_bad_rule(rule: dict[str, Any]) -> None:
    if not 1 <= int(rule["rule_number"]) < _LAST:
        raise _invalid(f"Value ({rule['rule_number']}) for parameter ruleNumber is invalid.")
    if rule["rule_action"] not in ("allow", "deny"):
        raise _invalid(f"Value ({rule['rule_action']}) for parameter ruleAction is invalid.")
    blocks = [block for block in (rule["cidr_block"], rule["ipv6_cidr_block"]) if block]
    if len(blocks) != 1:
        raise EC2ClientError(
            "MissingParameter", "The request must contain cidrBlock or ipv6CidrBlock"
        )
    try:
        ipaddress.ip_network(blocks[0], strict=False)
    except ValueError:
        raise _invalid(f"Value ({blocks[0]}) for parameter cidrBlock is invalid.") from None
    ports = (rule["port_range_from"], rule["port_range_to"])
    if str(rule["protocol"]) in (*_TCP, *_UDP) and None in ports:
        raise EC2ClientError("MissingParameter", "The request must contain the parameter portRange")
    if str(rule["protocol"]) in _ICMP and None in (rule["icmp_code"], rule["icmp_type"]):
        raise EC2ClientError(
            "MissingParameter", "The request must contain the parameter icmpTypeCode"
        )


def _invalid(what: str) -> EC2ClientError:
    return EC2ClientError("InvalidParameterValue", what)
