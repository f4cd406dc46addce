"""Deleting a stack: what goes, what stays, and what forbids it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.events import Tell
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import Operation, remove
from provisimus.stacks.follow import Deadline
from provisimus.stacks.template import VOLUME, resources_of
from provisimus.stacks.users import refuse_used


def plan_delete(environment: Environment, project: str, service: str) -> tuple[Stack, list[str]]:
    """The stack that would be deleted and the mounts whose volumes leave a snapshot behind.

    Raises NotFound, Conflict for a stack that is not ours, Locked, Refused for a protected one.
    """
    name = live.stack_name(project, environment.name, service)
    found = live.describe(environment, name)
    if found is None:
        raise NotFound(f"there is no stack {name}", hint="see: provisimus stack list")
    stack = live.stack_of(found)
    ours = {live.PROJECT: project, live.ENVIRONMENT: environment.name, live.SERVICE: service}
    if live.state_of(stack.status) != "stuck":
        live.check_usable(stack, ours)
    if environment.protect or found.get("EnableTerminationProtection"):
        raise Refused(
            f"the stack {name} is protected",
            where=f"environment {environment.name}",
            hint="take protect: true from the environment in provisimus.yaml, and the stack's "
            "termination protection away, then delete again",
        )
    refuse_used(environment, stack, project, service, {*stack.outputs})
    return stack, snapshotted(live.template_of(environment, stack))


def snapshotted(template: Mapping[str, Any]) -> list[str]:
    """The mounts of volumes that CloudFormation snapshots before it deletes them."""
    return [
        next((t["Value"] for t in each["Properties"].get("Tags", ()) if "mount" in t["Key"]), name)
        for name, each in resources_of(template, VOLUME).items()
        if each.get("DeletionPolicy") == "Snapshot"
    ]


def delete_stack(
    environment: Environment,
    stack: Stack,
    service: str,
    tell: Tell,
    run: str,
    *,
    timeout: float | None = None,
) -> None:
    """Delete it and wait until it is gone. `timeout` in seconds. Raises Refused, StillRunning."""
    environment.cloud.check_account()
    operation = Operation(environment, service, stack.name, run, tell, Deadline.after(timeout))
    remove(operation, stack, "asked for")
