"""Deleting a stack: what goes, what stays, and what forbids it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.events import Said, Tell
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import Operation, remove
from provisimus.stacks.follow import Deadline
from provisimus.stacks.template import DATABASE, RETAINING, VOLUME, resources_of
from provisimus.stacks.users import refuse_used
from provisimus.stacks.validation_records import remove_validation_records


def plan_delete(
    environment: Environment,
    project: str,
    service: str,
    *,
    name: str | None = None,
    going: frozenset[str] = frozenset(),
) -> tuple[Stack, list[str]]:
    """The stack that would be deleted and the mounts whose volumes leave a snapshot behind.

    `name` None is the name that is made of project, environment and service. `going` are services
    that go before it. Raises NotFound, Conflict for a stack that is not ours,
    Locked, Refused for a protected one.
    """
    name = name or live.stack_name(project, environment.name, service)
    found = live.describe(environment, name)
    if found is None:
        raise NotFound(f"there is no stack {name}", hint="see: provisimus stack list")
    stack = live.stack_of(found)
    ours = {live.PROJECT: project, live.ENVIRONMENT: environment.name, live.SERVICE: service}
    if live.state_of(stack.status) != "stuck" and stack.status != live.GOING:
        live.check_usable(stack, ours)
    own = bool(found.get("EnableTerminationProtection"))
    if environment.protect or own:
        raise Refused(
            f"the stack {name} is protected",
            where=f"environment {environment.name}",
            hint=_unprotecting(service, environment, own=own),
        )
    refuse_used(environment, stack, project, service, {*stack.outputs}, going=going)
    template = live.template_of(environment, stack)
    # Of a creation that was rolled back nothing is there that could be protected.
    made = live.state_of(stack.status) != "leftover"
    if made and (held := protected(template)):
        raise Refused(
            f"{', '.join(held)} of {name} is protected",
            where=name,
            hint=f"write protect: false and apply it, then delete again: stacks/{service}.yaml",
        )
    return stack, snapshotted(template)


def _unprotecting(service: str, environment: Environment, *, own: bool) -> str:
    ways = [
        *(["take protect: true from the environment in provisimus.yaml"] * environment.protect),
        *([f"provisimus stack protect {service} --off --env {environment.name}"] * own),
    ]
    return ", then ".join((*ways, "delete again"))


def snapshotted(template: Mapping[str, Any]) -> list[str]:
    """What CloudFormation snapshots before it deletes it: volumes by their mounts, databases."""
    found = {**resources_of(template, VOLUME), **resources_of(template, DATABASE)}
    return [
        next((t["Value"] for t in each["Properties"].get("Tags", ()) if "mount" in t["Key"]), name)
        for name, each in found.items()
        if each.get("DeletionPolicy") == "Snapshot"
    ]


def retained(template: Mapping[str, Any]) -> list[str]:
    """What CloudFormation leaves behind as it is, by logical id."""
    return [
        name
        for name, each in template["Resources"].items()
        if each.get("DeletionPolicy") in RETAINING
    ]


def protected(template: Mapping[str, Any]) -> list[str]:
    """What refuses to be deleted, so that a deletion of the stack would fail half-way."""
    return [
        name
        for name, each in template["Resources"].items()
        if each.get("Properties", {}).get("DeletionProtection") is True
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
    if records := remove_validation_records(environment, stack):
        tell(
            Said(f"delete {stack.name}", f"records of certificates go first: {', '.join(records)}")
        )
    operation = Operation(environment, service, stack.name, run, tell, Deadline.after(timeout))
    remove(operation, stack, "asked for")
