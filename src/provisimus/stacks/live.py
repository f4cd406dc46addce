"""A stack as it stands in CloudFormation: whose it is, whether it rests, what may be done to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from provisimus.aws import CloudFault, speaking, tags_of
from provisimus.environment import Environment
from provisimus.errors import Conflict, InvalidDefinitions, Locked, Refused
from provisimus.model import Stack

State = Literal["ready", "leftover", "busy", "stuck"]

PROJECT = "provisimus:project"
SERVICE = "provisimus:service"
ENVIRONMENT = "provisimus:environment"
VERSION = "provisimus:version"
FINGERPRINT = "provisimus:fingerprint"
MACHINE = "provisimus:machine-fingerprint"
RUN = "provisimus:run"
GOING = "DELETE_IN_PROGRESS"
"""The status of a stack that somebody deletes already."""
STACK_NAME_LIMIT = 128
USES = "provisimus:uses"
"""The stacks of the workspace that this one takes outputs of, by spaces."""


def stack_name(project: str, environment: str, service: str) -> str:
    """`acme-production-greeter`: environments may share an account. Letters, digits and dashes
    only, a letter first, 128 at most (CreateStack, StackName)."""
    return whole_name(project, environment, service)[:STACK_NAME_LIMIT]


def whole_name(project: str, environment: str, service: str) -> str:
    """The name before it is cut: `check` tells of one that is too long."""
    name = re.sub(r"[^A-Za-z0-9-]", "-", f"{project}-{environment}-{service}")
    return name if name[0].isalpha() else f"p-{name}"


def find_stack(environment: Environment, name: str) -> Stack | None:
    """The stack of this name or id; None when there is none. One call."""
    found = describe(environment, name)
    return stack_of(found) if found else None


def describe(environment: Environment, name: str) -> Any:
    cloud = environment.cloud
    try:
        with speaking(cloud, f"look for the stack {name}"):
            found = cloud.cloudformation.describe_stacks(StackName=name)["Stacks"]
    except CloudFault as fault:
        if fault.code == "ValidationError" and "does not exist" in fault.message:
            return None
        raise
    alive = [each for each in found if each["StackStatus"] != "DELETE_COMPLETE"]
    return alive[0] if alive else None


def list_stacks(environment: Environment, project: str) -> list[Stack]:
    """Every stack of a project in an environment, by name."""
    ours = {PROJECT: project, ENVIRONMENT: environment.name}
    found = every_stack(environment)
    return [each for each in found if ours.items() <= dict(each.tags).items()]


def every_stack(environment: Environment) -> list[Stack]:
    """Every stack of the account in the region, whoever made it, by name. Those inside another
    one are its resources: they have its tags, and no life of their own."""
    cloud = environment.cloud
    with speaking(cloud, "list the stacks"):
        pages = cloud.cloudformation.get_paginator("describe_stacks").paginate()
        return outermost(each for page in pages for each in page["Stacks"])


def outermost(found: Iterable[Any]) -> list[Stack]:
    """Of DescribeStacks' those that are there and stand by themselves, by name. Pure."""
    alive = (each for each in found if each["StackStatus"] != "DELETE_COMPLETE")
    whole = (stack_of(each) for each in alive if not each.get("ParentId"))
    return sorted(whole, key=lambda each: each.name)


def stack_of(found: Any) -> Stack:
    """One of DescribeStacks' stacks as our value."""
    return Stack(
        name=found["StackName"],
        stack_id=found["StackId"],
        status=found["StackStatus"],
        tags=tags_of(found.get("Tags")),
        outputs={each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())},
        parameters={
            each["ParameterKey"]: each.get("ParameterValue", "")
            for each in found.get("Parameters", ())
        },
        reason=found.get("StackStatusReason"),
        updated=when.isoformat() if (when := _changed(found)) else "",
        protected=bool(found.get("EnableTerminationProtection")),
    )


def _changed(found: Any) -> datetime | None:
    when: datetime | None = found.get("LastUpdatedTime") or found.get("CreationTime")
    return when.astimezone(UTC) if when else None


def template_text(environment: Environment, stack: Stack) -> str:
    """The template that the stack runs, byte for byte as it was submitted: before transforms."""
    with speaking(environment.cloud, f"read the template of {stack.name}"):
        body: Any = environment.cloud.cloudformation.get_template(
            StackName=stack.stack_id, TemplateStage="Original"
        )["TemplateBody"]
    return str(body)


def template_of(environment: Environment, stack: Stack) -> dict[str, Any]:
    """The template that the stack runs, with the long forms of what was written in short ones.

    Raises Conflict for a template that cannot be read.
    """
    return parsed(template_text(environment, stack), stack.name)


def parsed(text: str, name: str) -> dict[str, Any]:
    """The template that a text is, of a stack of this name. Raises Conflict."""
    from provisimus.stacks.short_forms import read_template

    try:
        return read_template(text, name)
    except InvalidDefinitions as error:
        raise Conflict(
            f"the template of {name} cannot be read: {error.problems[0].message}",
            hint="somebody updated the stack by other means; put it back, or delete the stack",
        ) from None


def state_of(status: str) -> State:
    """What may be done to a stack in this status ("Stack status codes" in the user guide).

    `leftover` holds nothing but its name: it must be deleted before it can be created again.
    """
    if status in ("REVIEW_IN_PROGRESS", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"):
        return "leftover"
    if status.endswith("_IN_PROGRESS"):
        return "busy"
    if status.endswith("_FAILED"):
        return "stuck"
    return "ready"


def check_usable(stack: Stack, tags: Mapping[str, str]) -> None:
    """Raises Conflict for a stack that is not ours, Locked for a busy one, Refused for a stuck one.

    `tags` are those that make it ours: project, environment, service.
    """
    if not tags.items() <= dict(stack.tags).items() and not _empty(stack):
        raise Conflict(
            f"the stack {stack.name} exists already and is not ours",
            where=stack.stack_id,
            hint="rename the service; or, where no other project owns it, take it over: "
            f"provisimus stack adopt {stack.name} --as {tags[SERVICE]}",
        )
    match state_of(stack.status):
        case "busy":
            raise Locked(
                f"the stack {stack.name} is busy: {stack.status}",
                where=stack.stack_id,
                hint=f"follow it: provisimus stack events {tags[SERVICE]} --follow",
            )
        case "stuck":
            raise Refused(
                f"the stack {stack.name} is stuck: {stack.status}: {stack.reason or 'unknown'}",
                where=stack.stack_id,
                hint=f"see what leads out: provisimus stack unstick {tags[SERVICE]} --dry-run",
            )
        case _:
            pass


def _empty(stack: Stack) -> bool:
    # A change set that was never executed leaves a stack without tags on some paths of the API.
    return stack.status == "REVIEW_IN_PROGRESS" and not stack.tags
