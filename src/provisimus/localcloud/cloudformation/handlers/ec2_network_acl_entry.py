"""AWS::EC2::NetworkAclEntry: one rule, told apart by its number and its direction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.ec2_network_acl import ABSENT, acl_of
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_GIVEN = ("CidrBlock", "Ipv6CidrBlock", "NetworkAclId", "PortRange", "RuleAction", "RuleNumber")


class NetworkAclEntry(Handler):
    type = "AWS::EC2::NetworkAclEntry"
    honoured = frozenset(
        {
            "CidrBlock",
            "Egress",
            "Icmp/Code",
            "Icmp/Type",
            "Ipv6CidrBlock",
            "NetworkAclId",
            "PortRange/From",
            "PortRange/To",
            "Protocol",
            "RuleAction",
            "RuleNumber",
        }
    )
    attributes = frozenset({"Id"})
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        cloud.ec2.create_network_acl_entry(**_arguments(wanted.properties))
        return wanted.generated_name

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return [wanted.generated_name] if _entry(cloud, wanted.properties) else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"Id": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        entry = _entry(cloud, properties)
        return entry and {
            **only(
                entry,
                "CidrBlock",
                "Egress",
                "Ipv6CidrBlock",
                "PortRange",
                "RuleAction",
                "RuleNumber",
            ),
            "Icmp": entry.get("IcmpTypeCode"),
            "NetworkAclId": properties["NetworkAclId"],
            "Protocol": int(entry["Protocol"]),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        cloud.ec2.replace_network_acl_entry(**_arguments(after.properties))

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if _entry(cloud, properties) is None:
            return
        unless_absent(
            lambda: cloud.ec2.delete_network_acl_entry(
                Egress=_egress(properties), **only(properties, "NetworkAclId", "RuleNumber")
            ),
            "InvalidNetworkAclEntry.NotFound",
            *ABSENT,
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _entry(cloud, properties) is None


def _arguments(properties: Mapping[str, Any]) -> dict[str, Any]:
    icmp = {"IcmpTypeCode": properties["Icmp"]} if "Icmp" in properties else {}
    return {
        "Egress": _egress(properties),
        "Protocol": str(properties["Protocol"]),
        **icmp,
        **only(properties, *_GIVEN),
    }


def _egress(properties: Mapping[str, Any]) -> bool:
    return bool(properties.get("Egress", False))


def _entry(cloud: Cloud, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    acl = acl_of(cloud, str(properties["NetworkAclId"])) or {}
    wanted = (properties["RuleNumber"], _egress(properties))
    for each in acl.get("Entries", []):
        if (each["RuleNumber"], each["Egress"]) == wanted:
            return dict(each)
    return None


HANDLER = NetworkAclEntry()
