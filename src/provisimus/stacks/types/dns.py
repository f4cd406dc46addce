"""The stack type `dns`: a zone of Route 53, for the world or for networks of ours, and records."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.dns import DnsDefinition, Record

Wanted = WantedStack[DnsDefinition]


class Dns(StackType[DnsDefinition]):
    name = "dns"
    definition = DnsDefinition
    summary = "a zone of Route 53, for the world or for networks of ours, with records"
    example = """\
type: dns
zone: acme.example
# networks: [main]              # stacks of type network: a zone that only they see
records:
  - {name: "@", type: MX, values: ["10 mail.acme.example."]}
  - {name: www, type: CNAME, values: [greeter.acme.example], ttl: 5m}
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        asked = wanted.definition
        zone: dict[str, Any] = {"Name": asked.zone}
        if asked.networks:
            zone["VPCs"] = [
                {
                    "VPCId": wanted.others[network].output("VpcId"),
                    "VPCRegion": {"Ref": "AWS::Region"},
                }
                for network in asked.networks
            ]
        outputs: dict[str, Any] = {"ZoneId": {"Description": asked.zone, "Value": {"Ref": "Zone"}}}
        if not asked.networks:
            outputs["NameServers"] = {
                "Description": "To be named where the domain is registered.",
                "Value": {"Fn::Join": [",", {"Fn::GetAtt": ["Zone", "NameServers"]}]},
            }
        return {
            **parts.head(f"{wanted.service}: a zone of names"),
            "Resources": {
                "Zone": {
                    "Type": "AWS::Route53::HostedZone",
                    "DeletionPolicy": "Delete",
                    "UpdateReplacePolicy": "Delete",
                    "Properties": zone,
                },
                **{_id(each): _record(each, asked.zone) for each in asked.records},
            },
            "Outputs": outputs,
        }


def _id(record: Record) -> str:
    """Of name and type alone, so that a record keeps its own wherever it stands in the list."""
    words = "".join(part.capitalize() for part in re.findall(r"[a-z0-9]+", record.name))
    short = hashlib.sha256(record.name.encode()).hexdigest()[:6]
    return f"{record.type.capitalize()}{words or 'Zone'}{short}"


def _record(record: Record, zone: str) -> dict[str, Any]:
    quoted = record.type == "TXT"
    values = [
        f'"{each}"' if quoted and not each.startswith('"') else each for each in record.values
    ]
    return {
        "Type": "AWS::Route53::RecordSet",
        "Properties": {
            "HostedZoneId": {"Ref": "Zone"},
            "Name": zone if record.name == "@" else f"{record.name}.{zone}",
            "Type": record.type,
            "TTL": str(record.ttl),
            "ResourceRecords": values,
        },
    }


TYPE = Dns()
