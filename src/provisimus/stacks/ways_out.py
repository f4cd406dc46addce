"""The way out of every status of a stack: what it is, decided purely, and taking it.

Sources: CloudFormation User Guide, "Stack status codes", "Continue rolling back an update",
"Delete stack fails"; API reference, CancelUpdateStack, RollbackStack, DeleteStack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from provisimus.aws import CloudFault, speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.events import step
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.change_set import Operation, remove, rolled_back
from provisimus.stacks.follow import follow, newest
from provisimus.stacks.tokens import PREFIX

Action = Literal["nothing", "wait", "cancel", "delete", "roll back", "continue rollback", "by hand"]


@dataclass(frozen=True)
class Way:
    """What leads out of a status, and in words what that does."""

    action: Action
    words: str


_WAIT = Way("wait", "an operation goes on; follow it")
_REST = Way("nothing", "the stack rests; nothing holds it")
_WAYS = {
    "CREATE_FAILED": Way("delete", "it was never whole; it is deleted, so that it can be made"),
    "ROLLBACK_COMPLETE": Way("delete", "only its name is left; that is deleted"),
    "ROLLBACK_FAILED": Way("delete", "it was never whole; what is left of it is deleted"),
    "REVIEW_IN_PROGRESS": Way("delete", "it is a name without resources; that is deleted"),
    "DELETE_FAILED": Way("delete", "it is deleted once more"),
    "UPDATE_IN_PROGRESS": Way("cancel", "the update is cancelled, and goes back"),
    "UPDATE_FAILED": Way("roll back", "it goes back to its last complete state"),
    "UPDATE_ROLLBACK_FAILED": Way("continue rollback", "the rollback that failed goes on"),
    "IMPORT_ROLLBACK_FAILED": Way("by hand", "an import could be neither done nor undone"),
}


def way_out(status: str) -> Way:
    """What leads a stack out of this status."""
    if status in _WAYS:
        return _WAYS[status]
    return _WAIT if status.endswith("_IN_PROGRESS") else _REST


@dataclass(frozen=True)
class Held:
    """A resource that could not be deleted or put back, and why."""

    logical_id: str
    kind: str
    reason: str


_HELD = {
    "CREATE_FAILED": ("CREATE_FAILED",),
    "UPDATE_FAILED": ("CREATE_FAILED", "UPDATE_FAILED", "DELETE_FAILED"),
    "UPDATE_ROLLBACK_FAILED": ("UPDATE_FAILED",),
}


def held_resources(environment: Environment, stack: Stack) -> tuple[Held, ...]:
    """The resources that a stack is stuck at."""
    if not stack.status.endswith("_FAILED"):
        return ()
    with speaking(environment.cloud, f"list the resources of {stack.name}"):
        found: Any = environment.cloud.cloudformation.describe_stack_resources(
            StackName=stack.stack_id
        )["StackResources"]
    return tuple(
        Held(
            each["LogicalResourceId"],
            each["ResourceType"],
            each.get("ResourceStatusReason", "unknown"),
        )
        for each in found
        if each["ResourceStatus"] in _HELD.get(stack.status, ("DELETE_FAILED",))
    )


def unexecuted(environment: Environment, stack: Stack) -> tuple[str, ...]:
    """Change sets of ours that failed or that nobody will execute: names, oldest first."""
    with speaking(environment.cloud, f"list the change sets of {stack.name}"):
        found: Any = environment.cloud.cloudformation.list_change_sets(StackName=stack.stack_id)[
            "Summaries"
        ]
    return tuple(
        each["ChangeSetName"]
        for each in found
        if each["ChangeSetName"].startswith(PREFIX)
        and (each["Status"] == "FAILED" or each.get("ExecutionStatus") == "AVAILABLE")
    )


def clean(operation: Operation, stack: Stack, names: tuple[str, ...]) -> None:
    """Delete change sets."""
    cloud = operation.environment.cloud
    for name in names:
        with speaking(cloud, f"delete the change set {name}"):
            cloud.cloudformation.delete_change_set(StackName=stack.stack_id, ChangeSetName=name)


def take(
    operation: Operation,
    stack: Stack,
    way: Way,
    *,
    skip: tuple[str, ...] = (),
    retain: tuple[str, ...] = (),
) -> str:
    """Go the way and follow it to its end; the status then, DELETE_COMPLETE for one that is gone.

    `skip` names resources that a rollback leaves as they are, `retain` those that a deletion
    leaves behind. Raises Refused where somebody must act, RolledBack when it ended stuck again.
    """
    environment = operation.environment
    environment.cloud.check_account()
    match way.action:
        case "nothing" | "wait":
            return stack.status
        case "by hand":
            raise Refused(
                f"{stack.name} is {stack.status}: {way.words}",
                where=stack.stack_id,
                hint="AWS offers no call for it; ask its support, or delete the stack",
            )
        case "delete" if not retain:
            remove(operation, stack, f"left over: {stack.status}")
            return "DELETE_COMPLETE"
    label = f"{PREFIX}{operation.run}-unstick"
    since = newest(environment, stack.stack_id)
    with step(operation.tell, f"unstick {stack.name}", f"{stack.status}: {way.words}") as outcome:
        try:
            _ask(operation, stack, way, label, skip, retain)
        except CloudFault as fault:
            _outrun(operation, stack, way, fault)
        events = follow(
            environment,
            stack.stack_id,
            since,
            operation.tell,
            step=f"unstick {stack.name}",
            service=operation.service,
            deadline=operation.deadline,
        )
        outcome.result = events[-1].status
        if events[-1].status.endswith("_FAILED"):
            found = live.find_stack(environment, stack.stack_id) or stack
            raise rolled_back(operation.service, found, events)
    return events[-1].status


def _ask(
    operation: Operation,
    stack: Stack,
    way: Way,
    label: str,
    skip: tuple[str, ...],
    retain: tuple[str, ...],
) -> None:
    cloud = operation.environment.cloud
    formation = cloud.cloudformation
    with speaking(cloud, f"unstick the stack {stack.name}"):
        if way.action == "cancel":
            formation.cancel_update_stack(StackName=stack.stack_id, ClientRequestToken=label)
        elif way.action == "roll back":
            formation.rollback_stack(StackName=stack.stack_id, ClientRequestToken=label)
        elif way.action == "continue rollback":
            formation.continue_update_rollback(
                StackName=stack.stack_id, ResourcesToSkip=list(skip), ClientRequestToken=label
            )
        else:
            formation.delete_stack(
                StackName=stack.stack_id, RetainResources=list(retain), ClientRequestToken=label
            )


def _outrun(operation: Operation, stack: Stack, way: Way, fault: CloudFault) -> None:
    """What was asked for came too late, where the update that is cancelled goes back already (that
    is followed) or has ended. Raises Refused for the latter, and the fault for anything else."""
    now = live.find_stack(operation.environment, stack.stack_id)
    if way.action != "cancel" or now is None or now.status == stack.status:
        raise fault
    if now.status != "UPDATE_ROLLBACK_IN_PROGRESS":
        raise Refused(
            f"{stack.name} has nothing to cancel any more: {now.status}",
            where=stack.stack_id,
            hint=f"see: provisimus stack events {operation.service}",
        ) from fault


def check_named(held: tuple[Held, ...], named: tuple[str, ...]) -> None:
    """Raises NotFound for a name that the stack is not stuck at."""
    known = {each.logical_id for each in held}
    wrong = sorted(set(named) - known)
    if wrong:
        raise NotFound(
            f"the stack is not stuck at {', '.join(wrong)}",
            hint=f"it is at: {', '.join(sorted(known))}" if known else "it is at nothing",
        )
