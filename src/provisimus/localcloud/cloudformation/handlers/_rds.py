"""What the RDS handlers share: tags, names and absence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.handlers._absent import unless_absent
from provisimus.localcloud.cloudformation.handlers.interface import Shape, Wanted

_LOGICAL, _STACK = "aws:cloudformation:logical-id", "aws:cloudformation:stack-id"


def name_of(wanted: Wanted, prop: str, longest: int = 63) -> str:
    """The name given, or one made up; RDS keeps names in small letters."""
    name = wanted.name(prop).lower()
    if len(name) > longest:
        front, _, end = name.rpartition("-")
        name = f"{front[: longest - len(end) - 1].rstrip('-')}-{end}"
    return name


def retag(cloud: Cloud, arn: str, before: Mapping[str, str], after: Mapping[str, str]) -> None:
    """Make the tags those of `after`, knowing those that were set before."""
    gone = [key for key in before if key not in after]
    if gone:
        cloud.rds.remove_tags_from_resource(ResourceName=arn, TagKeys=gone)
    if before != after and after:
        cloud.rds.add_tags_to_resource(
            ResourceName=arn, Tags=[{"Key": key, "Value": value} for key, value in after.items()]
        )


def is_ours(tags: list[dict[str, str]], wanted: Shape) -> bool:
    """Whether these are the tags of this resource of this stack."""
    told = {each["Key"]: each["Value"] for each in tags}
    return all(told.get(key) == wanted.tags.get(key) for key in (_LOGICAL, _STACK))


def tags_of(cloud: Cloud, arn: str) -> list[dict[str, str]]:
    return list(cloud.rds.list_tags_for_resource(ResourceName=arn)["TagList"])


def instance(cloud: Cloud, name: str) -> dict[str, Any] | None:
    """The DB instance, or None."""
    found = unless_absent(
        lambda: cloud.rds.describe_db_instances(DBInstanceIdentifier=name), "DBInstanceNotFound"
    )
    return dict(found["DBInstances"][0]) if found else None
