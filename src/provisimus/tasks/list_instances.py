"""The instances of a project in an environment, with the service and version that each runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from provisimus.aws import speaking, tags_of
from provisimus.environment import Environment
from provisimus.model import UNKNOWN

ALIVE = ("pending", "running", "stopping", "stopped", "shutting-down")


@dataclass(frozen=True)
class ListedInstance:
    instance_id: str
    service: str
    version: str
    state: str
    instance_type: str
    public_address: str | None
    private_address: str | None
    launched: str


def list_instances(
    environment: Environment, project: str, service: str | None = None
) -> list[ListedInstance]:
    """Sorted by service, then by age; terminated ones are left out."""
    filters: list[Any] = [
        {"Name": "tag:provisimus:project", "Values": [project]},
        {"Name": "instance-state-name", "Values": list(ALIVE)},
    ]
    if service:
        filters.append({"Name": "tag:provisimus:service", "Values": [service]})
    with speaking(environment.cloud, "list the instances"):
        pages = environment.cloud.ec2.get_paginator("describe_instances").paginate(Filters=filters)
        found = [
            listed(each)
            for page in pages
            for group in page["Reservations"]
            for each in group["Instances"]
        ]
    return sorted(found, key=lambda each: (each.service, each.launched, each.instance_id))


def listed(found: Any) -> ListedInstance:
    """One of DescribeInstances' instances. One that bakes has a machine instead of a service."""
    tags = tags_of(found.get("Tags"))
    baking = tags.get("provisimus:machine")
    launched = found.get("LaunchTime")
    return ListedInstance(
        found["InstanceId"],
        tags.get("provisimus:service") or (f"(bakes {baking})" if baking else UNKNOWN),
        tags.get("provisimus:version", UNKNOWN),
        found["State"]["Name"],
        found.get("InstanceType", UNKNOWN),
        found.get("PublicIpAddress"),
        found.get("PrivateIpAddress"),
        launched.strftime("%Y-%m-%dT%H:%M:%SZ") if launched else UNKNOWN,
    )
