"""Whether what lives in the stacks carries the company's tags (`tags:` in provisimus.yaml).

EC2 tells all tags of what it is asked about, so there a missing tag is known to be missing. Of
other services the Resource Groups Tagging API tells what has tags of ours; what it does not name is
told as not read, for some resources have no tags at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.aws import speaking, tags_of
from provisimus.environment import Environment
from provisimus.errors import NotFound
from provisimus.stacks.live import ENVIRONMENT, PROJECT, SERVICE, list_stacks

_OF_EC2 = tuple(
    f"{each}-"
    for each in (
        *("i", "vol", "sg", "subnet", "vpc", "igw", "rtb", "acl", "nat", "eni", "lt", "vpce"),
        *("eigw", "fl"),
    )
)
"""How the ids of resources begin that EC2 keeps tags of."""

_AT_ONCE = 200
"""Values of one filter (DescribeTags, Filters)."""


@dataclass(frozen=True)
class LiveResource:
    """`tags` None is not read."""

    service: str
    logical_id: str
    type: str
    physical_id: str
    tags: Mapping[str, str] | None


@dataclass(frozen=True)
class Lacking:
    """What a resource lacks: tags that are not there, and values that are others."""

    resource: LiveResource
    missing: tuple[str, ...]
    other: Mapping[str, str]
    """Tags with another value than the wanted one: what they have."""


def lacking(resources: Iterable[LiveResource], wanted: Mapping[str, str]) -> Iterator[Lacking]:
    """Those that do not carry every wanted tag with its value. Pure."""
    for each in resources:
        if each.tags is None:
            continue
        missing = tuple(name for name in wanted if name not in each.tags)
        other = {
            name: each.tags[name]
            for name, value in wanted.items()
            if name in each.tags and each.tags[name] != value
        }
        if missing or other:
            yield Lacking(each, missing, other)


def live_resources(
    environment: Environment, project: str, services: tuple[str, ...] = ()
) -> list[LiveResource]:
    """What the stacks of a project consist of, with its tags. Raises NotFound."""
    stacks = {each.tags.get(SERVICE, each.name): each for each in list_stacks(environment, project)}
    if missing := [name for name in services if name not in stacks]:
        raise NotFound(
            f"there is no stack of {', '.join(missing)} in {environment.name}",
            hint="see: provisimus stack list",
        )
    cloud = environment.cloud
    found: list[tuple[str, Any]] = []
    for name in services or sorted(stacks):
        with speaking(cloud, f"list the resources of {stacks[name].name}"):
            pages = cloud.cloudformation.get_paginator("list_stack_resources").paginate(
                StackName=stacks[name].stack_id
            )
            found += [(name, each) for page in pages for each in page["StackResourceSummaries"]]
    alive = [
        (name, each)
        for name, each in found
        if each.get("PhysicalResourceId") and each["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    known = _tags_known(environment, project, [each["PhysicalResourceId"] for _, each in alive])
    return [
        LiveResource(
            name,
            each["LogicalResourceId"],
            each["ResourceType"],
            each["PhysicalResourceId"],
            known.get(each["PhysicalResourceId"]),
        )
        for name, each in alive
    ]


def _tags_known(
    environment: Environment, project: str, physical: list[str]
) -> dict[str, dict[str, str]]:
    """Tags by physical id."""
    of_ec2 = [each for each in physical if each.startswith(_OF_EC2) and "|" not in each]
    known: dict[str, dict[str, str]] = {each: {} for each in of_ec2}
    cloud = environment.cloud
    for start in range(0, len(of_ec2), _AT_ONCE):
        some = of_ec2[start : start + _AT_ONCE]
        with speaking(cloud, "read the tags of EC2's resources"):
            pages = cloud.ec2.get_paginator("describe_tags").paginate(
                Filters=[{"Name": "resource-id", "Values": some}]
            )
            for page in pages:
                for each in page["Tags"]:
                    known[each["ResourceId"]][each["Key"]] = each["Value"]
    rest = [each for each in physical if each not in known]
    if rest:
        known |= by_arn(_tagged(environment, project), rest)
    return known


def _tagged(environment: Environment, project: str) -> dict[str, dict[str, str]]:
    """All that carries the tags of a project in an environment: tags by ARN."""
    cloud = environment.cloud
    ours = {PROJECT: project, ENVIRONMENT: environment.name}
    with speaking(cloud, "read the tags of resources"):
        pages = cloud.tagging.get_paginator("get_resources").paginate(
            TagFilters=[{"Key": key, "Values": [value]} for key, value in ours.items()]
        )
        return {
            each["ResourceARN"]: tags_of(each.get("Tags"))
            for page in pages
            for each in page["ResourceTagMappingList"]
        }


def by_arn(
    tagged: Mapping[str, dict[str, str]], physical: Iterable[str]
) -> dict[str, dict[str, str]]:
    """The tags of those physical ids that an ARN names: itself, or the last part of it. Pure."""
    found = {}
    for each in physical:
        for arn, tags in tagged.items():
            if arn == each or arn.endswith((f":{each}", f"/{each}")):
                found[each] = tags
    return found
