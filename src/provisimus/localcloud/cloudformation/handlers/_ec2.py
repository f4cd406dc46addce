"""What the EC2 handlers share: tags, and how what is only recorded is told."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.handlers.interface import Shape

NO_IPV6 = "networks have no IPv6 here"


def tag_specification(kind: str, shape: Shape) -> list[dict[str, Any]]:
    """TagSpecifications that tag one kind of resource while it is created."""
    return [{"ResourceType": kind, "Tags": shape.tag_list()}] if shape.tags else []


def demand(operation: str, properties: Mapping[str, Any], *names: str) -> None:
    """Refuse, as EC2 does, a call that has none of these; moto would make something anyhow."""
    if not any(name in properties for name in names):
        wanted = " or ".join(name[0].lower() + name[1:] for name in names)
        raise ResourceFailed(
            f"The request must contain the parameter {wanted} (Operation: {operation}, "
            "Status Code: 400, Error Code: MissingParameter)"
        )


def retag(
    cloud: Cloud, resource_id: str, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    """Make the resource's tags those of `after`, knowing those that were set before."""
    gone = [key for key in before if key not in after]
    fresh = {key: value for key, value in after.items() if before.get(key) != value}
    if gone:
        cloud.ec2.delete_tags(Resources=[resource_id], Tags=[{"Key": key} for key in gone])
    if fresh:
        cloud.ec2.create_tags(
            Resources=[resource_id],
            Tags=[{"Key": key, "Value": value} for key, value in fresh.items()],
        )


def find_tagged(cloud: Cloud, kind: str, wanted: Shape) -> list[str]:
    """Ids of the resources of a kind that carry the wanted shape's CloudFormation tags."""
    found: list[set[str]] = []
    for key in ("aws:cloudformation:stack-id", "aws:cloudformation:logical-id"):
        filters = [
            {"Name": "resource-type", "Values": [kind]},
            {"Name": "key", "Values": [key]},
            {"Name": "value", "Values": [wanted.tags.get(key, "")]},
        ]
        told = cloud.ec2.describe_tags(Filters=filters)["Tags"]
        found.append({each["ResourceId"] for each in told})
    return sorted(set.intersection(*found))


def as_range(told: Any, written: Any) -> Any:
    """The range that is told, as the template wrote it where that is the same: EC2 clears the
    bits of the host.
    """
    try:
        same = str(ipaddress.ip_network(str(written), strict=False)) == told
    except ValueError:
        return told
    return written if same else told
