"""AWS::EC2::NetworkInterface with one private address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import first, unless_absent
from provisimus.localcloud.cloudformation.handlers._ec2 import find_tagged, retag, tag_specification
from provisimus.localcloud.cloudformation.handlers.interface import (
    Handler,
    Shape,
    Wanted,
    changed,
    only,
)

_ABSENT = ("InvalidNetworkInterfaceID.NotFound",)


class NetworkInterface(Handler):
    type = "AWS::EC2::NetworkInterface"
    honoured = frozenset(
        {
            "Description",
            "GroupSet/*",
            "PrivateIpAddress",
            "SourceDestCheck",
            "SubnetId",
            "Tags/*/Key",
            "Tags/*/Value",
        }
    )
    attributes = frozenset({"Id", "PrimaryPrivateIpAddress", "VpcId"})
    recorded: ClassVar[Mapping[str, str]] = {"*": "an interface of its own is no network card here"}

    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        given = wanted.properties
        groups = {"Groups": given["GroupSet"]} if given.get("GroupSet") else {}
        made = cloud.ec2.create_network_interface(
            TagSpecifications=tag_specification("network-interface", wanted),
            **groups,
            **only(given, "Description", "PrivateIpAddress", "SubnetId"),
        )
        return str(made["NetworkInterface"]["NetworkInterfaceId"])

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        return find_tagged(cloud, "network-interface", wanted)

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        _make_check(cloud, physical_id, properties)
        return True

    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        found = _find(cloud, physical_id) or {}
        return {
            "Id": physical_id,
            "PrimaryPrivateIpAddress": found.get("PrivateIpAddress", ""),
            "VpcId": found.get("VpcId", ""),
        }

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        found = _find(cloud, physical_id)
        return found and {
            **only(found, "Description", "PrivateIpAddress", "SourceDestCheck", "SubnetId"),
            "GroupSet": [each["GroupId"] for each in found["Groups"]],
            "Tags": found["TagSet"],
        }

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        old, new = before.properties, after.properties
        retag(cloud, physical_id, before.tags, after.tags)
        if changed(old, new, "Description"):
            cloud.ec2.modify_network_interface_attribute(
                NetworkInterfaceId=physical_id, Description={"Value": new.get("Description", "")}
            )
        if changed(old, new, "GroupSet"):
            cloud.ec2.modify_network_interface_attribute(
                NetworkInterfaceId=physical_id,
                Groups=new.get("GroupSet") or [_default_group(cloud, physical_id)],
            )
        _make_check(cloud, physical_id, new)

    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        unless_absent(
            lambda: cloud.ec2.delete_network_interface(NetworkInterfaceId=physical_id), *_ABSENT
        )

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        return _find(cloud, physical_id) is None


def _find(cloud: Cloud, identifier: str) -> dict[str, Any] | None:
    def told() -> Any:
        return cloud.ec2.describe_network_interfaces(NetworkInterfaceIds=[identifier])

    return first(told, "NetworkInterfaces", *_ABSENT)


def _make_check(cloud: Cloud, identifier: str, properties: Mapping[str, Any]) -> None:
    cloud.ec2.modify_network_interface_attribute(
        NetworkInterfaceId=identifier,
        SourceDestCheck={"Value": properties.get("SourceDestCheck", True)},
    )


def _default_group(cloud: Cloud, identifier: str) -> str:
    filters = [
        {"Name": "vpc-id", "Values": [(_find(cloud, identifier) or {})["VpcId"]]},
        {"Name": "group-name", "Values": ["default"]},
    ]
    found = cloud.ec2.describe_security_groups(Filters=filters)["SecurityGroups"]
    return str(found[0]["GroupId"])


HANDLER = NetworkInterface()
