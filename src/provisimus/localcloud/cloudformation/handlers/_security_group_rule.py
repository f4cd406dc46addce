"""What rules of security groups share that are resources of their own, whichever the direction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers.ec2_security_group import permission
from provisimus.localcloud.cloudformation.handlers.interface import (
    Attachment,
    Handler,
    Shape,
    Wanted,
    only,
)

_ABSENT = (
    "InvalidGroup.NotFound",
    "InvalidPermission.NotFound",
    "InvalidSecurityGroupRuleId.NotFound",
)


class SecurityGroupRule(Handler):
    """One rule in one direction. Its physical id is the rule's, `sgr-…`."""

    direction: ClassVar[str]
    peer: ClassVar[str]
    """The property that names another group."""
    attributes = frozenset({"Id"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        operation = f"AuthorizeSecurityGroup{self.direction.capitalize()}"
        demand(operation, wanted.properties, "GroupId")
        demand(operation, wanted.properties, "CidrIp", "CidrIpv6", self.peer)
        authorize = getattr(cloud.ec2, f"authorize_security_group_{self.direction}")
        made = authorize(
            GroupId=wanted.properties["GroupId"], IpPermissions=[permission(wanted.properties)]
        )
        return str(made["SecurityGroupRules"][0]["SecurityGroupRuleId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        filters = [{"Name": "group-id", "Values": [wanted.properties["GroupId"]]}]
        found = cloud.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
        egress = self.direction == "egress"
        return [
            str(each["SecurityGroupRuleId"])
            for each in found
            if each["IsEgress"] == egress and _says(each, permission(wanted.properties))
        ]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        rule = _find(cloud, physical_id)
        if rule is None:
            return None
        told = {
            **only(rule, "Description", "FromPort", "GroupId", "IpProtocol", "ToPort"),
            "CidrIp": rule.get("CidrIpv4"),
            "CidrIpv6": rule.get("CidrIpv6"),
            self.peer: rule.get("ReferencedGroupInfo", {}).get("GroupId"),
        }
        # As written where it means the same: EC2 has its own words for protocols and their ports.
        same = _says(rule, permission(properties))
        return {**told, **only(properties, "FromPort", "IpProtocol", "ToPort")} if same else told

    def attachments(self, physical_id: str, properties: Mapping[str, Any]) -> Iterable[Attachment]:
        rule = {key: value for key, value in properties.items() if key != "GroupId"}
        yield Attachment(
            str(properties["GroupId"]), f"SecurityGroup{self.direction.capitalize()}", rule
        )

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        """Only the description changes in place."""
        change = getattr(cloud.ec2, f"update_security_group_rule_descriptions_{self.direction}")
        described = {"Description": "", **after.properties}
        change(GroupId=after.properties["GroupId"], IpPermissions=[permission(described)])

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        revoke = getattr(cloud.ec2, f"revoke_security_group_{self.direction}")
        unless_absent(
            lambda: revoke(GroupId=properties["GroupId"], SecurityGroupRuleIds=[physical_id]),
            *_ABSENT,
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, rule_id: str) -> dict[str, Any] | None:
    def told() -> Any:
        return cloud.ec2.describe_security_group_rules(SecurityGroupRuleIds=[rule_id])

    return first(told, "SecurityGroupRules", *_ABSENT)


def _says(rule: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a rule that EC2 tells of is the wanted permission."""
    ends = [each["CidrIp"] for each in wanted.get("IpRanges", [])]
    ends += [each["CidrIpv6"] for each in wanted.get("Ipv6Ranges", [])]
    ends += [each["GroupId"] for each in wanted.get("UserIdGroupPairs", [])]
    other = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return (
        rule["IpProtocol"] == wanted["IpProtocol"]
        and rule["FromPort"] == wanted.get("FromPort", -1)
        and rule["ToPort"] == wanted.get("ToPort", -1)
        and ends[0] in (rule.get("CidrIpv4"), rule.get("CidrIpv6"), other)
    )
