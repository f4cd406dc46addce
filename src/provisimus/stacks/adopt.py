"""A stack that others made gets the tags that say whose it is now, and nothing else changes.

By a change set with the template, the parameters and the tags that it has: it is read first, and
where it would change more than tags it is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from provisimus.aws import as_tags, speaking
from provisimus.errors import Refused
from provisimus.events import Said, step
from provisimus.model import Stack
from provisimus.stacks.adoption import Adoption
from provisimus.stacks.change_set import Operation, described, discard, execute
from provisimus.stacks.resource_change import ResourceChange, change_lines
from provisimus.stacks.tokens import PREFIX


def read_tagging(operation: Operation, adoption: Adoption) -> list[str]:
    """What the tags would change, a line each, by a change set that is removed again.

    Raises Refused where it is more than tags, ProvisimusError where CloudFormation refuses.
    """
    label = f"{PREFIX}{operation.run}-plan"
    stack_id = _create(operation, adoption, label)
    try:
        changes = described(operation, stack_id, label)
    finally:
        discard(operation, stack_id, label, created=False)
    return check_only_tags(adoption.stack.name, changes)


def tag_stack(operation: Operation, adoption: Adoption) -> Stack:
    """Set the tags and wait for the end. Raises as `read_tagging`, RolledBack, StillRunning,
    Locked."""
    label = f"{PREFIX}{operation.run}-1"
    title = f"adopt {adoption.stack.name}"
    with step(operation.tell, title, f"it becomes the stack of {adoption.service}") as outcome:
        stack_id = _create(operation, adoption, label)
        changes = described(operation, stack_id, label)
        try:
            lines = check_only_tags(adoption.stack.name, changes)
        except Refused:
            discard(operation, stack_id, label, created=False)
            raise
        for line in lines:
            operation.tell(Said(title, line))
        stack = execute(operation, stack_id, label, number=1, title=title)
        outcome.result = stack.status
        return stack


def check_only_tags(stack: str, changes: Iterable[ResourceChange] | None) -> list[str]:
    """The changes in words; None is a change set that CloudFormation finds empty. Raises Refused
    for one that changes more than tags. Pure."""
    if changes is None:
        raise Refused(
            f"CloudFormation finds nothing to tag in {stack}",
            where=stack,
            hint="add a resource to it by what made it, then adopt it",
        )
    changes = list(changes)
    more = [each for each in changes if not _only_tags(each)]
    if more:
        raise Refused(
            f"tags alone would change more of {stack}: " + "; ".join(each.line for each in more),
            where=stack,
            hint="nothing was changed. Its template means something else by now: bring the stack "
            "to rest by what made it, with an update that changes just this, then adopt it",
        )
    return change_lines(changes)


def _only_tags(change: ResourceChange) -> bool:
    return change.action == "Modify" and change.only_tags and change.replacement in ("", "False")


def _create(operation: Operation, adoption: Adoption, label: str) -> str:
    cloud = operation.environment.cloud
    kept: dict[str, Any] = {}
    if adoption.notified:
        kept["NotificationARNs"] = list(adoption.notified)
    if adoption.role:
        kept["RoleARN"] = adoption.role
    with speaking(cloud, f"make a change set for {adoption.stack.name}"):
        made = cloud.cloudformation.create_change_set(
            StackName=adoption.stack.stack_id,
            ChangeSetName=label,
            ChangeSetType="UPDATE",
            UsePreviousTemplate=True,
            Parameters=[
                {"ParameterKey": name, "UsePreviousValue": True}
                for name in sorted(adoption.stack.parameters)
            ],
            Capabilities=list(adoption.capabilities),  # type: ignore[arg-type]
            Tags=as_tags(adoption.tags),
            ClientToken=label,
            **kept,
        )
    return made["StackId"]
