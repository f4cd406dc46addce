"""The stack type `certificate`: issued when a record in the zone shows that the names are ours."""

from __future__ import annotations

from typing import Any

from provisimus.stacks.types import parts
from provisimus.stacks.types.interface import StackType, WantedStack
from provisimus.workspace.definitions.stacks.certificate import CertificateDefinition

Wanted = WantedStack[CertificateDefinition]


class Certificate(StackType[CertificateDefinition]):
    name = "certificate"
    definition = CertificateDefinition
    summary = "a certificate of AWS Certificate Manager for names of one zone, renewed by itself"
    example = """\
type: certificate
domain: acme.example
names: ["*.acme.example"]
zone: Z0123456789ABCDEFGHIJ     # the id of a zone, or a stack of type dns
"""

    def build(self, wanted: Wanted) -> dict[str, Any]:
        asked = wanted.definition
        zone = parts.zone_id(asked.zone, wanted.others)
        properties: dict[str, Any] = {
            "DomainName": asked.domain,
            "ValidationMethod": "DNS",
            "DomainValidationOptions": [
                {"DomainName": name, "HostedZoneId": zone} for name in (asked.domain, *asked.names)
            ],
            "Tags": parts.named(),
        }
        if asked.names:
            properties["SubjectAlternativeNames"] = list(asked.names)
        return {
            **parts.head(f"{wanted.service}: a certificate"),
            "Resources": {
                "Certificate": {
                    "Type": "AWS::CertificateManager::Certificate",
                    "Properties": properties,
                }
            },
            "Outputs": {
                "CertificateArn": {"Description": asked.domain, "Value": {"Ref": "Certificate"}}
            },
        }


TYPE = Certificate()
