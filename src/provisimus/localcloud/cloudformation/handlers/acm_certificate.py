"""AWS::CertificateManager::Certificate, validated by DNS.

The stack waits until the certificate is issued. Where the template names the hosted zone of a
domain, the record that ACM asks for is made there; it stays when the certificate goes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only

_ABSENT = ("ResourceNotFoundException",)
_ASKED = ("DomainName", "KeyAlgorithm", "SubjectAlternativeNames", "ValidationMethod")
_LIFE = 300


class Certificate(Handler):
    type = "AWS::CertificateManager::Certificate"
    honoured = frozenset(
        {
            "DomainName",
            "DomainValidationOptions/*/DomainName",
            "DomainValidationOptions/*/HostedZoneId",
            "KeyAlgorithm",
            "SubjectAlternativeNames/*",
            "Tags/*/Key",
            "Tags/*/Value",
            "ValidationMethod",
        }
    )
    attributes = frozenset({"CertificateArn"})
    seconds = 72 * 3600
    """As long as ACM waits for a record."""

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        made = cloud.acm.request_certificate(
            Tags=wanted.tag_list(), **only(wanted.properties, *_ASKED)
        )
        return str(made["CertificateArn"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        own = {
            key: wanted.tags.get(key)
            for key in ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id")
        }
        found = []
        for each in cloud.acm.list_certificates()["CertificateSummaryList"]:
            arn = str(each["CertificateArn"])
            told = cloud.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
            if own.items() <= {tag["Key"]: tag.get("Value") for tag in told}.items():
                found.append(arn)
        return found

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        told = _find(cloud, physical_id)
        status = told["Status"] if told else "gone"
        if told is None or status not in ("ISSUED", "PENDING_VALIDATION"):
            raise ResourceFailed(f"Certificate {physical_id} was not issued: it is {status}")
        if status == "PENDING_VALIDATION":
            _make_records(cloud, told, properties)
        return bool(status == "ISSUED")

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {"CertificateArn": physical_id}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        told = _find(cloud, physical_id)
        if told is None:
            return None
        validated = {each["DomainName"] for each in told["DomainValidationOptions"]}
        tags = cloud.acm.list_tags_for_certificate(CertificateArn=physical_id)["Tags"]
        return {
            "DomainName": told["DomainName"],
            # ACM tells the domain; the hosted zone is written only, says AWS's schema.
            "DomainValidationOptions": [
                each
                for each in properties.get("DomainValidationOptions", [])
                if str(each["DomainName"]).lower() in validated
            ],
            "KeyAlgorithm": told["KeyAlgorithm"],
            "SubjectAlternativeNames": told["SubjectAlternativeNames"][1:],
            "Tags": tags,
            "ValidationMethod": told["DomainValidationOptions"][0]["ValidationMethod"],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        gone = [{"Key": key} for key in before.tags if key not in after.tags]
        if gone:
            cloud.acm.remove_tags_from_certificate(CertificateArn=physical_id, Tags=gone)
        if after.tags and before.tags != after.tags:
            cloud.acm.add_tags_to_certificate(CertificateArn=physical_id, Tags=after.tag_list())

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(lambda: cloud.acm.delete_certificate(CertificateArn=physical_id), *_ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, arn: str) -> dict[str, Any] | None:
    told = unless_absent(lambda: cloud.acm.describe_certificate(CertificateArn=arn), *_ABSENT)
    return dict(told["Certificate"]) if told else None


def _make_records(cloud: Cloud, told: Mapping[str, Any], properties: Mapping[str, Any]) -> None:
    zones = {
        str(each["DomainName"]).lower(): each["HostedZoneId"]
        for each in properties.get("DomainValidationOptions", [])
        if "HostedZoneId" in each
    }
    for option in told["DomainValidationOptions"]:
        zone = zones.get(option["DomainName"])
        if zone is None or option["ValidationStatus"] == "SUCCESS":
            continue
        record = option["ResourceRecord"]
        change = {
            "Action": "UPSERT",
            "ResourceRecordSet": {
                "Name": record["Name"],
                "Type": record["Type"],
                "TTL": _LIFE,
                "ResourceRecords": [{"Value": record["Value"]}],
            },
        }
        cloud.route53.change_resource_record_sets(
            HostedZoneId=zone, ChangeBatch={"Changes": [change]}
        )


HANDLER = Certificate()
