"""AWS::EC2::SecurityGroupIngress: a rule for what may come in, apart from its group.

For groups that refer to each other, which could not be made one after the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from provisimus.localcloud.cloudformation.handlers._ec2 import NO_IPV6
from provisimus.localcloud.cloudformation.handlers._security_group_rule import SecurityGroupRule


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

    recorded: ClassVar[Mapping[str, str]] = {"CidrIpv6": NO_IPV6}


HANDLER = SecurityGroupIngress()
