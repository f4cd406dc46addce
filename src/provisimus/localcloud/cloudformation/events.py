"""Stack events: one value per thing that happened to a stack or to a resource of it."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

STACK_TYPE = "AWS::CloudFormation::Stack"


@dataclass(frozen=True)
class StackEvent:
    """As DescribeStackEvents tells it; `timestamp` is in seconds since the epoch."""

    event_id: str
    timestamp: float
    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str | None = None
    token: str | None = None
    properties: str | None = None
    """The resource's properties as JSON text, on events of resources."""


def event(
    logical_id: str,
    physical_id: str | None,
    type_name: str,
    status: str,
    reason: str | None = None,
    *,
    token: str | None = None,
    properties: Mapping[str, Any] | None = None,
) -> StackEvent:
    """A new event, now. Ids look as AWS's do: a resource's carry its name and status."""
    unique = str(uuid.uuid4())
    return StackEvent(
        event_id=unique if type_name == STACK_TYPE else f"{logical_id}-{status}-{unique}",
        timestamp=time.time(),
        logical_id=logical_id,
        physical_id=physical_id or "",
        type=type_name,
        status=status,
        reason=reason,
        token=token,
        properties=None if properties is None else json.dumps(properties, default=str),
    )
