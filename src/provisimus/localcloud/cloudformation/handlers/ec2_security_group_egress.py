"""AWS::EC2::SecurityGroupEgress: a rule for what may go out, apart from its group.

EC2's own rule, that everything may leave, stays beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from provisimus.localcloud.cloudformation.handlers._ec2 import NO_IPV6
from provisimus.localcloud.cloudformation.handlers._security_group_rule import SecurityGroupRule


class SecurityGroupEgress(SecurityGroupRule):
    type = "AWS::EC2::SecurityGroupEgress"
    honoured = frozenset(
        {
            "CidrIp",
            "CidrIpv6",
            "Description",
            "DestinationSecurityGroupId",
            "FromPort",
            "GroupId",
            "IpProtocol",
            "ToPort",
        }
    )
    direction = "egress"
    peer = "DestinationSecurityGroupId"
    recorded: ClassVar[Mapping[str, str]] = {"CidrIpv6": NO_IPV6}


HANDLER = SecurityGroupEgress()
