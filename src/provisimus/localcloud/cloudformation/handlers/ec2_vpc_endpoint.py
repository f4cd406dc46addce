"""AWS::EC2::VPCEndpoint, of the kinds Gateway and Interface."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers._iam import as_written
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidVpcEndpointId.NotFound",)
_LISTS = ("RouteTableIds", "SecurityGroupIds", "SubnetIds")
_EVERYTHING = {
    "Version": "2008-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}],
}
"""The policy of an endpoint that was given none."""


class VpcEndpoint(Handler):
    type = "AWS::EC2::VPCEndpoint"
    honoured = frozenset(
        {"PolicyDocument/**", "PrivateDnsEnabled", "ServiceName", "VpcEndpointType", "VpcId"}
        | {f"{name}/*" for name in _LISTS}
        | {"Tags/*/Key", "Tags/*/Value"}
    )
    attributes = frozenset({"CreationTimestamp", "DnsEntries", "Id", "NetworkInterfaceIds"})
    networked = True
    recorded: ClassVar[Mapping[str, str]] = {
        "*": "instances reach the services of this cloud at its own address, if they may",
        "PolicyDocument": "its policy is not enforced",
    }

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        given = wanted.properties
        kind = given.get("VpcEndpointType", "Gateway")
        if kind not in ("Gateway", "Interface"):
            raise ResourceFailed(f"VpcEndpointType {kind} is known to AWS, not to this local cloud")
        made = cloud.ec2.create_vpc_endpoint(
            PolicyDocument=_policy(given),
            PrivateDnsEnabled=given.get("PrivateDnsEnabled", False),
            TagSpecifications=tag_specification("vpc-endpoint", wanted),
            VpcEndpointType=kind,
            **only(given, "ServiceName", "VpcId", *_LISTS),
        )
        return str(made["VpcEndpoint"]["VpcEndpointId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        ids = find_tagged(cloud, "vpc-endpoint", wanted)
        return [each for each in ids if not self.gone(cloud, each, {})]

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        found = _find(cloud, physical_id) or {}
        return {
            "CreationTimestamp": str(found.get("CreationTimestamp", "")),
            "DnsEntries": [
                f"{each['HostedZoneId']}:{each['DnsName']}" for each in found.get("DnsEntries", [])
            ],
            "Id": physical_id,
            "NetworkInterfaceIds": found.get("NetworkInterfaceIds", []),
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        if found is None or found["State"] == "deleted":
            return None
        policy = json.loads(found["PolicyDocument"])
        return {
            **only(
                found, "PrivateDnsEnabled", "RouteTableIds", "ServiceName", "SubnetIds", "Tags",
                "VpcEndpointType", "VpcId",
            ),
            "PolicyDocument": as_written(policy, properties.get("PolicyDocument")),
            "SecurityGroupIds": [each["GroupId"] for each in found.get("Groups", [])],
        }  # fmt: skip

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        if before.get("PrivateDnsEnabled", False) == after.get("PrivateDnsEnabled", False):
            return None
        return f"Changing PrivateDnsEnabled of {self.type} is known to AWS, not to this local cloud"

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        retag(cloud, physical_id, before.tags, after.tags)
        change: dict[str, Any] = {}
        if changed(old, new, "PolicyDocument"):
            change["PolicyDocument"] = _policy(new)
        for name in _LISTS:
            had, wants = set(old.get(name, [])), set(new.get(name, []))
            change |= {f"Add{name}": sorted(wants - had), f"Remove{name}": sorted(had - wants)}
        present = {key: value for key, value in change.items() if value}
        if present:
            cloud.ec2.modify_vpc_endpoint(VpcEndpointId=physical_id, **present)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        if not self.gone(cloud, physical_id, properties):
            unless_absent(
                lambda: cloud.ec2.delete_vpc_endpoints(VpcEndpointIds=[physical_id]), *_ABSENT
            )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        found = _find(cloud, physical_id)
        return found is None or bool(found["State"] == "deleted")


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    def told() -> Any:
        return cloud.ec2.describe_vpc_endpoints(VpcEndpointIds=[identifier])

    return first(told, "VpcEndpoints", *_ABSENT)


def _policy(properties: Mapping[str, Any]) -> str:
    given = properties.get("PolicyDocument", _EVERYTHING)
    return given if isinstance(given, str) else json.dumps(given)


HANDLER = VpcEndpoint()
