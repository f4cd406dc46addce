"""AWS::Route53::HostedZone, public or of VPCs. It goes when it has no records but its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers._route53 import ABSENT, same_name
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
)

_OWN = ("NS", "SOA")


class HostedZone(Handler):
    type = "AWS::Route53::HostedZone"
    honoured = frozenset(
        {
            "HostedZoneConfig/Comment",
            "HostedZoneTags/*/Key",
            "HostedZoneTags/*/Value",
            "Name",
            "VPCs/*/VPCId",
            "VPCs/*/VPCRegion",
        }
    )
    attributes = frozenset({"Id", "NameServers"})
    networked = True

    def told(self, cloud: Cloud, properties: Mapping[str, Any]) -> str | None:
        if properties.get("VPCs") or cloud.no_networks():
            return super().told(cloud, properties)
        return "Recorded, not simulated: outside of this cloud's VPCs nobody is told of its names."

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        if "Name" not in wanted.properties:
            raise ResourceFailed("#: required key [Name] not found")
        vpcs = wanted.properties.get("VPCs", [])
        made = cloud.route53.create_hosted_zone(
            Name=wanted.properties["Name"],
            CallerReference=wanted.generated_name,
            HostedZoneConfig={"Comment": _comment(wanted.properties), "PrivateZone": bool(vpcs)},
            **({"VPC": vpcs[0]} if vpcs else {}),
        )
        return str(made["HostedZone"]["Id"]).removeprefix("/hostedzone/")

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_tags(cloud, physical_id, {}, properties)
        _make_vpcs(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        told = cloud.route53.get_hosted_zone(Id=physical_id)
        # A private zone has none.
        servers = told.get("DelegationSet", {}).get("NameServers", [])
        return {"Id": physical_id, "NameServers": servers}

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        whole = unless_absent(lambda: cloud.route53.get_hosted_zone(Id=physical_id), *ABSENT)
        if whole is None:
            return None
        told = whole["HostedZone"]
        listed = cloud.route53.list_tags_for_resource(
            ResourceType="hostedzone", ResourceId=physical_id
        )
        return {
            "HostedZoneConfig": told.get("Config", {}),
            "HostedZoneTags": listed["ResourceTagSet"]["Tags"],
            "Name": same_name(told["Name"], str(properties["Name"])),
            "VPCs": whole.get("VPCs", []),
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        if changed(before.properties, after.properties, "HostedZoneConfig"):
            cloud.route53.update_hosted_zone_comment(
                Id=physical_id, Comment=_comment(after.properties)
            )
        _make_tags(cloud, physical_id, before.properties, after.properties)
        if changed(before.properties, after.properties, "VPCs"):
            _make_vpcs(cloud, physical_id, after.properties)

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        """A public zone stays one ("Working with private hosted zones")."""
        if bool(before.get("VPCs")) != bool(after.get("VPCs")):
            return "A hosted zone cannot become private, nor a private one public."
        return None

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if self.gone(cloud, physical_id, properties):
            return
        # moto would delete them with the zone.
        records = cloud.route53.list_resource_record_sets(HostedZoneId=physical_id)
        if [each for each in records["ResourceRecordSets"] if each["Type"] not in _OWN]:
            raise ResourceFailed(
                "The specified hosted zone contains non-required resource record sets and so "
                "cannot be deleted. (Error Code: HostedZoneNotEmpty)"
            )
        unless_absent(lambda: cloud.route53.delete_hosted_zone(Id=physical_id), *ABSENT)

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        told = unless_absent(lambda: cloud.route53.get_hosted_zone(Id=physical_id), *ABSENT)
        return told is None


def _comment(properties: Mapping[str, Any]) -> str:
    return str(properties.get("HostedZoneConfig", {}).get("Comment", ""))


def _make_tags(
    cloud: Cloud, zone: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Of the zone's own property; CloudFormation puts no tags of a stack on zones."""
    had, wants = _tags(before), _tags(after)
    gone = [key for key in had if key not in wants]
    if had == wants:
        return
    change: dict[str, Any] = {}
    if wants:
        change["AddTags"] = [{"Key": key, "Value": value} for key, value in wants.items()]
    if gone:
        change["RemoveTagKeys"] = gone
    cloud.route53.change_tags_for_resource(ResourceType="hostedzone", ResourceId=zone, **change)


def _make_vpcs(cloud: Cloud, zone: str, properties: Mapping[str, Any]) -> None:
    """Those of a private zone: first come what is new, for a zone keeps at least one."""
    wants = {each["VPCId"]: each for each in properties.get("VPCs", [])}
    told = cloud.route53.get_hosted_zone(Id=zone).get("VPCs", []) if wants else []
    had = {each["VPCId"]: each for each in told}
    for vpc in wants.keys() - had.keys():
        cloud.route53.associate_vpc_with_hosted_zone(HostedZoneId=zone, VPC=wants[vpc])
    for vpc in had.keys() - wants.keys():
        cloud.route53.disassociate_vpc_from_hosted_zone(HostedZoneId=zone, VPC=had[vpc])


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in properties.get("HostedZoneTags", [])}


HANDLER = HostedZone()
