"""What rules of security groups share that are resources of their own, whichever the direction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._ec2 import demand, first, unless_absent
from provisimus.localcloud.cloudformation.handlers.ec2_security_group import permission
from provisimus.localcloud.cloudformation.handlers.interface import (
    Attachment,
    Handler,
    Shape,
    Wanted,
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
        def told() -> Any:
            return cloud.ec2.describe_security_group_rules(SecurityGroupRuleIds=[physical_id])

        return first(told, "SecurityGroupRules", *_ABSENT) is None


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
