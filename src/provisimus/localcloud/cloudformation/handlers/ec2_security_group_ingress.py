"""AWS::EC2::SecurityGroupIngress: a rule for what may come in, apart from its group.

For groups that refer to each other, which could not be made one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.handlers._security_group_rule import SecurityGroupRule
from provisimus.localcloud.network import Rule, open_ports


class SecurityGroupIngress(SecurityGroupRule):
    type = "AWS::EC2::SecurityGroupIngress"
    honoured = frozenset(
        {
            "CidrIp",
            "CidrIpv6",
            "Description",
            "FromPort",
            "GroupId",
            "IpProtocol",
            "SourceSecurityGroupId",
            "ToPort",
        }
    )
    direction = "ingress"
    peer = "SourceSecurityGroupId"

    def not_simulated(self, properties: Mapping[str, Any]) -> str | None:
        rule = Rule(
            str(properties["IpProtocol"]),
            properties.get("FromPort"),
            properties.get("ToPort"),
            (properties["CidrIp"],) if "CidrIp" in properties else (),
        )
        opened = open_ports([rule])
        if opened.ports:
            return None
        why = "; ".join(opened.not_simulated) or "its source is not this computer"
        return f"Recorded, not simulated: the rule opens no port here ({why})."


HANDLER = SecurityGroupIngress()
