"""The stacks of a project at a glance: one listing, no question per stack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.stacks import live
from provisimus.stacks.names import likely_name
from provisimus.workspace.workspace import Workspace

NOWHERE = "not there"


@dataclass(frozen=True)
class StackState:
    """One stack. `drift` is what CloudFormation found when it looked last (in sync, drifted, not
    checked); `used_by` are the services whose stacks take outputs of it."""

    service: str
    stack: str
    status: str
    reason: str | None = None
    version: str | None = None
    fingerprint: str | None = None
    drift: str = "not checked"
    changed: str | None = None
    protected: bool = False
    uses: tuple[str, ...] = ()
    used_by: tuple[str, ...] = ()


def overview(
    environment: Environment, workspace: Workspace, declared: Iterable[str]
) -> list[StackState]:
    """Every stack of the project, and every declared one that is not there, by service."""
    cloud = environment.cloud
    with speaking(cloud, "list the stacks"):
        pages = cloud.cloudformation.get_paginator("describe_stacks").paginate()
        found: list[Any] = [each for page in pages for each in page["Stacks"]]
    ours = {live.PROJECT: workspace.name, live.ENVIRONMENT: environment.name}
    names = {name: likely_name(workspace, environment.name, name) for name in declared}
    return states([each for each in found if _is_ours(each, ours)], names)


def _is_ours(found: Any, ours: dict[str, str]) -> bool:
    stack = live.stack_of(found)
    return stack.status != "DELETE_COMPLETE" and ours.items() <= dict(stack.tags).items()


def states(found: Iterable[Any], declared: dict[str, str]) -> list[StackState]:
    """Pure: of DescribeStacks' stacks, and the names of the declared ones by service."""
    seen = [_state(each) for each in found]
    users: dict[str, list[str]] = {}
    for each in seen:
        for used in each.uses:
            users.setdefault(used, []).append(each.service)
    there = {each.service for each in seen}
    seen += [
        StackState(service, name, NOWHERE)
        for service, name in declared.items()
        if service not in there
    ]
    return sorted(
        (
            StackState(**{**vars(each), "used_by": tuple(sorted(users.get(each.service, ())))})
            for each in seen
        ),
        key=lambda each: each.service,
    )


def _state(found: Any) -> StackState:
    stack = live.stack_of(found)
    drift = str(found.get("DriftInformation", {}).get("StackDriftStatus", "NOT_CHECKED"))
    return StackState(
        stack.tags.get(live.SERVICE, "unknown"),
        stack.name,
        stack.status,
        stack.reason,
        stack.tags.get(live.VERSION),
        stack.tags.get(live.FINGERPRINT),
        drift.lower().replace("_", " "),
        stack.updated or None,
        bool(found.get("EnableTerminationProtection")),
        tuple(stack.tags.get(live.USES, "").split()),
    )
