"""AWS::Route53::RecordSet: values or an alias, without routing policies.

Its physical id is its name, as `Ref` gives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import demand
from provisimus.localcloud.cloudformation.handlers._route53 import ABSENT, dotted, same_name
from provisimus.localcloud.cloudformation.handlers.interface import Handler, Shape, Wanted, only


class RecordSet(Handler):
    type = "AWS::Route53::RecordSet"
    honoured = frozenset(
        {
            "AliasTarget/DNSName",
            "AliasTarget/EvaluateTargetHealth",
            "AliasTarget/HostedZoneId",
            "HostedZoneId",
            "Name",
            "ResourceRecords/*",
            "TTL",
            "Type",
        }
    )
    attributes = frozenset[str]()
    networked = True

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        demand("ChangeResourceRecordSets", wanted.properties, "HostedZoneId")
        _change(cloud, "CREATE", wanted.properties)
        return str(wanted.properties["Name"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return [str(wanted.properties["Name"])] if _find(cloud, wanted.properties) else []

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        return {}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, properties)
        if found is None:
            return None
        alias = dict(found.get("AliasTarget", {}))
        if alias:
            written = str(properties.get("AliasTarget", {}).get("DNSName", ""))
            alias["DNSName"] = same_name(alias["DNSName"], written)
        return {
            **only(properties, "HostedZoneId", "Name", "Type"),
            "AliasTarget": alias or None,
            "ResourceRecords": [each["Value"] for each in found.get("ResourceRecords", [])],
            "TTL": str(found["TTL"]) if "TTL" in found else None,
        }

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        for name in ("Name", "Type"):
            if before[name] != after[name]:
                return f"Changing {name} of {self.type} is known to AWS, not to this local cloud"
        return None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        _change(cloud, "UPSERT", after.properties)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        found = _find(cloud, properties)
        if found is not None:
            cloud.route53.change_resource_record_sets(
                HostedZoneId=properties["HostedZoneId"],
                ChangeBatch={"Changes": [{"Action": "DELETE", "ResourceRecordSet": found}]},
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, properties) is None


def _change(cloud: Cloud, action: str, given: Mapping[str, Any]) -> None:
    if ("AliasTarget" in given) == ("ResourceRecords" in given):
        raise ResourceFailed("A record set has either an AliasTarget or ResourceRecords")
    record: dict[str, Any] = {"Name": given["Name"], "Type": given["Type"]}
    if "AliasTarget" in given:
        record["AliasTarget"] = {"EvaluateTargetHealth": False, **given["AliasTarget"]}
    else:
        demand("ChangeResourceRecordSets", given, "TTL")
        record["ResourceRecords"] = [{"Value": each} for each in given["ResourceRecords"]]
        record["TTL"] = int(given["TTL"])
    cloud.route53.change_resource_record_sets(
        HostedZoneId=given["HostedZoneId"],
        ChangeBatch={"Changes": [{"Action": action, "ResourceRecordSet": record}]},
    )


def _find(cloud: Cloud, properties: Mapping[str, Any]) -> dict[str, Any] | None:
    zone = properties["HostedZoneId"]

    def told() -> Any:
        return cloud.route53.list_resource_record_sets(HostedZoneId=zone)

    place = (dotted(str(properties["Name"])), properties["Type"])
    found = unless_absent(told, *ABSENT) or {"ResourceRecordSets": []}
    for each in found["ResourceRecordSets"]:
        if (dotted(each["Name"]), each["Type"]) == place:
            return dict(each)
    return None


HANDLER = RecordSet()
