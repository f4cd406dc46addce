"""What the containers of a service logged, by the log group of its stack: of instances that are
gone, too, and with no session on any."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Undeclared
from provisimus.stacks.names import find_of
from provisimus.workspace.workspace import Workspace

GROUP = "LogGroup"
"""The output of a stack that names its log group."""


@dataclass(frozen=True)
class LogLine:
    """`time` as ISO 8601, UTC, with milliseconds."""

    time: str
    instance: str
    container: str
    text: str


def log_groups(
    workspace: Workspace, environment: Environment, services: Iterable[str]
) -> dict[str, str]:
    """The log group of each service. Raises NotFound for one without a stack or a group."""
    found = {}
    for service in services:
        if not workspace.has_service(service) and not workspace.cluster_of(service):
            raise Undeclared(
                f"there is no service {service!r}",
                hint="lines that were shipped are asked for by service, for instances go",
            )
        stack = find_of(workspace, environment, service)
        if stack is None:
            raise NotFound(
                f"there is no stack of {service} in {environment.name}",
                hint="see: provisimus stack list",
            )
        if GROUP not in stack.outputs:
            raise NotFound(
                f"the stack of {service} has no log group",
                where=stack.name,
                hint="its file says `logs: {keep: 30d}` for that; without it, leave --since out",
            )
        found[service] = stack.outputs[GROUP]
    return found


def read_lines(
    environment: Environment, groups: Iterable[str], since: datetime, container: str | None = None
) -> Iterator[LogLine]:
    """In the order of time, as they are read. A line of the last few seconds may be on its way."""
    each = [_lines_of(environment, group, since, container) for group in groups]
    return heapq.merge(*each, key=lambda line: line.time)


def _lines_of(
    environment: Environment, group: str, since: datetime, container: str | None
) -> Iterator[LogLine]:
    cloud = environment.cloud
    with speaking(cloud, f"read the log group {group}"):
        pages = cloud.logs.get_paginator("filter_log_events").paginate(
            logGroupName=group,
            startTime=int(since.timestamp() * 1000),
            # Streams side by side: what AWS always does, and the local cloud when asked for it.
            interleaved=True,
        )
        for page in pages:
            lines = map(line_of, page["events"])
            yield from (each for each in lines if container in (None, each.container))


def line_of(event: Any) -> LogLine:
    """One of FilterLogEvents' events. A stream is `INSTANCE/CONTAINER`; who writes into the group
    by other means names his as he likes. Pure."""
    instance, _, container = event["logStreamName"].partition("/")
    time = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
    said = time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return LogLine(said, instance, container, event["message"].rstrip("\n"))
