"""AWS::EC2::SecurityGroup, with its inline rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("InvalidGroup.NotFound", "InvalidGroupId.NotFound")
_RULE = ("CidrIp", "CidrIpv6", "Description", "FromPort", "IpProtocol", "ToPort")
_EVERYTHING = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}
_PROTOCOLS = {"all": "-1", "1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6"}
"""EC2 tells protocols back by these names, however they were given."""


class SecurityGroup(Handler):
    type = "AWS::EC2::SecurityGroup"
    honoured = frozenset(
        {"GroupDescription", "GroupName", "VpcId", "Tags/*/Key", "Tags/*/Value"}
        | {f"SecurityGroupIngress/*/{key}" for key in (*_RULE, "SourceSecurityGroupId")}
        | {f"SecurityGroupEgress/*/{key}" for key in (*_RULE, "DestinationSecurityGroupId")}
    )
    attributes = frozenset({"GroupId", "VpcId", "Id"})
    networked = True
    name_property = "GroupName"

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        vpc = only(wanted.properties, "VpcId")
        if vpc:
            # Asked for the error: moto would make the group in a network that does not exist.
            cloud.ec2.describe_vpcs(VpcIds=[vpc["VpcId"]])
        return str(
            cloud.ec2.create_security_group(
                GroupName=wanted.name("GroupName"),
                Description=wanted.properties["GroupDescription"],
                TagSpecifications=tag_specification("security-group", wanted),
                **vpc,
            )["GroupId"]
        )

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "security-group", wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_rules(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        group = cloud.ec2.describe_security_groups(GroupIds=[physical_id])["SecurityGroups"][0]
        return {"GroupId": physical_id, "Id": physical_id, "VpcId": group.get("VpcId", "")}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = unless_absent(
            lambda: cloud.ec2.describe_security_groups(GroupIds=[physical_id]), *_ABSENT
        )
        if not found or not found["SecurityGroups"]:
            return None
        group = found["SecurityGroups"][0]
        leaving = properties.get("SecurityGroupEgress", [])
        return {
            "GroupDescription": group["Description"],
            "GroupName": group["GroupName"],
            "VpcId": group.get("VpcId"),
            "Tags": group.get("Tags", []),
            "SecurityGroupIngress": _told(
                group.get("IpPermissions", []),
                properties.get("SecurityGroupIngress", []),
                "SourceSecurityGroupId",
            ),
            # Without rules of its own a group has EC2's default, which no template has written.
            "SecurityGroupEgress": [
                rule
                for rule in _told(
                    group.get("IpPermissionsEgress", []), leaving, "DestinationSecurityGroupId"
                )
                if leaving or rule != _EVERYTHING
            ],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        retag(cloud, physical_id, before.tags, after.tags)
        _make_rules(cloud, physical_id, after.properties, before.properties)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.ec2.delete_security_group(GroupId=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        found = unless_absent(
            lambda: cloud.ec2.describe_security_groups(GroupIds=[physical_id]), *_ABSENT
        )
        return not (found and found["SecurityGroups"])


def permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    """One inline rule as the API's IpPermission."""
    protocol = str(rule["IpProtocol"])
    result: dict[str, Any] = {"IpProtocol": _PROTOCOLS.get(protocol, protocol)}
    for port in ("FromPort", "ToPort"):
        if port in rule and result["IpProtocol"] != "-1":
            result[port] = rule[port]
    note = {"Description": rule["Description"]} if "Description" in rule else {}
    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    if "CidrIp" in rule:
        result["IpRanges"] = [{"CidrIp": rule["CidrIp"], **note}]
    if "CidrIpv6" in rule:
        result["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **note}]
    if group:
        result["UserIdGroupPairs"] = [{"GroupId": group, **note}]
    return result


def singles(permissions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The API's grouped permissions, one per source, with nothing but what tells them apart."""
    result = []
    for each in permissions:
        base: dict[str, Any] = {
            key: each[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in each
        }
        if base["IpProtocol"] == "-1":
            base = {"IpProtocol": "-1"}
        for kind, key in (
            ("IpRanges", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6"),
            ("UserIdGroupPairs", "GroupId"),
        ):
            for source in each.get(kind, []):
                told = {name: source[name] for name in (key, "Description") if source.get(name)}
                result.append({**base, kind: [told]})
    return result


def _told(
    permissions: list[dict[str, Any]], written: list[Mapping[str, Any]], group_key: str
) -> list[Mapping[str, Any]]:
    """The API's permissions as rules of a template: as written where they mean the same."""
    meant = [(singles([permission(rule)]), rule) for rule in written]
    result: list[Mapping[str, Any]] = []
    for single in singles(permissions):
        same = [rule for told, rule in meant if told == [single]]
        result.append(same[0] if same else _rule(single, group_key))
    return result


def _rule(single: Mapping[str, Any], group_key: str) -> dict[str, Any]:
    source: dict[str, Any] = {}
    for kind in ("IpRanges", "Ipv6Ranges", "UserIdGroupPairs"):
        for each in single.get(kind, []):
            source.update({group_key if key == "GroupId" else key: each[key] for key in each})
    plain = {key: single[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in single}
    return {**plain, **source}


def _make_rules(
    cloud: Cloud,
    group_id: str,
    properties: Mapping[str, Any],
    before: Mapping[str, Any] | None = None,
) -> None:
    """Make the group's rules those of the properties, touching only what differs.

    Without SecurityGroupEgress a group keeps EC2's default: everything may leave. Of a group that
    was made `before`, only its own rules go: others are resources of their own.
    """
    group = cloud.ec2.describe_security_groups(GroupIds=[group_id])["SecurityGroups"][0]
    for wanted, had, found, revoke, authorize in (
        (
            _ingress(properties),
            _ingress(before or {}),
            group.get("IpPermissions", []),
            cloud.ec2.revoke_security_group_ingress,
            cloud.ec2.authorize_security_group_ingress,
        ),
        (
            _egress(properties),
            _egress(before or {}),
            group.get("IpPermissionsEgress", []),
            cloud.ec2.revoke_security_group_egress,
            cloud.ec2.authorize_security_group_egress,
        ),
    ):
        target = singles([permission(rule) for rule in wanted])
        current = singles(found)
        own = current if before is None else singles([permission(rule) for rule in had])
        surplus = [rule for rule in current if rule not in target and rule in own]
        missing = [rule for rule in target if rule not in current]
        if surplus:
            revoke(GroupId=group_id, IpPermissions=surplus)
        if missing:
            authorize(GroupId=group_id, IpPermissions=missing)


def _ingress(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(properties.get("SecurityGroupIngress", []))


def _egress(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    return list(properties.get("SecurityGroupEgress") or [_EVERYTHING])


HANDLER = SecurityGroup()
