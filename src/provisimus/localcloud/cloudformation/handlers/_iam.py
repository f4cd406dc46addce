"""What the handlers of IAM policies share: whom a policy is for, and its text."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from provisimus.localcloud.cloudformation.cloud import Cloud

ABSENT = "NoSuchEntity"
HOLDERS = {"Groups": "group", "Roles": "role", "Users": "user"}
"""The properties that name whom a policy is for, and IAM's word for each."""
NOT_ENFORCED = "policies are not enforced"


def holders(properties: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Whom the properties name, as pairs of kind and name."""
    return {(kind, str(name)) for key, kind in HOLDERS.items() for name in properties.get(key, [])}


def document(value: Any) -> str:
    """A policy's text, which templates may write as an object."""
    return value if isinstance(value, str) else json.dumps(value)


def as_written(told: Any, written: Any) -> Any:
    """A document as the template has it: an object, or the same text where it means the same."""
    if not isinstance(written, str):
        return told
    try:
        same = json.loads(written) == told
    except ValueError:
        same = False
    return written if same else json.dumps(told)


def named(kind: str, name: str) -> dict[str, str]:
    """The argument that names a holder: `RoleName` and its like."""
    return {f"{kind.capitalize()}Name": name}


def attached(cloud: Cloud, arn: str) -> Iterator[tuple[str, str]]:
    """Whom a managed policy is attached to."""
    told = cloud.iam.list_entities_for_policy(PolicyArn=arn)
    for kind in HOLDERS.values():
        word = kind.capitalize()
        for each in told[f"Policy{word}s"]:
            yield kind, str(each[f"{word}Name"])
