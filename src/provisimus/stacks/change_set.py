"""One change of a stack by way of a change set: made, read, executed, followed to its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from provisimus.aws import CloudFault, Unheard, as_tags, speaking
from provisimus.environment import Environment
from provisimus.errors import (
    Conflict,
    Locked,
    NotFound,
    ProvisimusError,
    Refused,
    RolledBack,
    Unreachable,
)
from provisimus.events import Said, Tell, step
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.follow import (
    Deadline,
    Pace,
    StackEvent,
    before_deletion,
    ended,
    events_of,
    first_cause,
    follow,
    latest,
    newest,
)
from provisimus.stacks.gate import check_template
from provisimus.stacks.resource_change import (
    ResourceChange,
    change_lines,
    endangered,
    resource_change,
)
from provisimus.stacks.submission import submitted
from provisimus.stacks.supposed_changes import certain
from provisimus.stacks.template import capabilities_of
from provisimus.stacks.tokens import PREFIX, token_of
from provisimus.stacks.types.interface import Template
from provisimus.stacks.witness import Witness


@dataclass(frozen=True)
class Deployment:
    """What a stack is told to be."""

    template: Template
    parameters: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Operation:
    """Whose stack is changed, in which run, and who is told."""

    environment: Environment
    service: str
    name: str
    run: str
    tell: Tell
    deadline: Deadline
    allow: frozenset[str] = frozenset()
    """Logical ids of what holds data and may be replaced or deleted all the same."""
    going_back: bool = False
    """Whether a change is taken back, which may remove what it made."""
    wish: str = ""
    """What all of it leads to (tokens.wish_of)."""
    seen: Stack | None = None
    """The stack as its plan was made from."""


def deploy(
    operation: Operation, wanted: Deployment, *, create: bool, number: int, title: str, reason: str
) -> Stack:
    """Bring the stack to what is wanted and wait for the end. `number` tells the updates of one
    run apart.

    Raises RolledBack with the first cause, StillRunning, Refused when data would be lost.
    """
    label = f"{PREFIX}{operation.run}-{number}"
    with step(operation.tell, title, reason) as outcome:
        check_template(wanted.template)
        try:
            stack_id = _create(operation, wanted, label, create=create)
        except CloudFault as fault:
            raise _outrun(operation, operation.name, fault, create=create) or fault from None
        changes = described(operation, stack_id, label)
        if changes is None:
            discard(operation, stack_id, label, created=create)
            outcome.result = "nothing to change"
            return _found(operation, stack_id)
        if number == 1 and (first := _outdated(operation)):
            discard(operation, stack_id, label, created=create)
            raise first
        for line in change_lines(changes):
            operation.tell(Said(title, line))
        if lost := endangered(changes, operation.allow, going_back=operation.going_back):
            discard(operation, stack_id, label, created=create)
            raise refused_loss(operation.service, operation.name, lost)
        stack = execute(operation, stack_id, label, number=number, title=title)
        outcome.result = stack.status
        return stack


def execute(operation: Operation, stack_id: str, label: str, *, number: int, title: str) -> Stack:
    """Execute a change set that was read, and follow it to its end.

    Raises RolledBack with the first cause, StillRunning, Locked where another run was first.
    """
    since = newest(operation.environment, stack_id)
    witness = Witness(operation.environment, operation.name, operation.tell)
    cloud = operation.environment.cloud
    try:
        with speaking(cloud, f"execute the change set of {operation.name}"):
            cloud.cloudformation.execute_change_set(
                StackName=stack_id,
                ChangeSetName=label,
                ClientRequestToken=token_of(operation.wish, number, since),
            )
    except CloudFault as fault:
        raise _outrun(operation, stack_id, fault) or fault from None
    events = follow(
        operation.environment,
        stack_id,
        since,
        operation.tell,
        step=title,
        service=operation.service,
        deadline=operation.deadline,
        on_event=witness.see,
    )
    stack = _found(operation, stack_id)
    if stack.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise rolled_back(operation.service, stack, events, witness.said)
    return stack


def _outdated(operation: Operation) -> Locked | None:
    """The error where somebody else's change was done before this one's change set was made.

    One that begins later voids the change set ("Execute a change set" in the user guide), so it is
    looked for between the two.
    """
    seen = operation.seen
    now = live.find_stack(operation.environment, operation.name) if seen else None
    if seen is None or now is None or (now.status, now.tags) == (seen.status, seen.tags):
        return None
    return _first(operation, now)


def _outrun(
    operation: Operation, stack_id: str, fault: CloudFault, *, create: bool = False
) -> Locked | None:
    """The error where somebody else's change began since this one was planned, which voids it; or
    where somebody else has made what this one was to `create`."""
    if fault.code not in ("ValidationError", "InvalidChangeSetStatus", "ChangeSetNotFound"):
        return None
    now = live.find_stack(operation.environment, stack_id)
    if now is None:
        return None
    state = live.state_of(now.status)
    outrun = state != "leftover" if create else state == "busy"
    return _first(operation, now) if outrun else None


def _first(operation: Operation, now: Stack) -> Locked:
    return Locked(
        f"another run was first: the stack {operation.name} is {now.status}",
        where=now.stack_id,
        hint=f"follow it: provisimus stack watch {operation.service}; then run this again",
    )


def refused_loss(service: str, stack: str, lost: Mapping[str, str]) -> Refused:
    """The error of a change by which data would be lost. `lost` says what becomes of what."""
    said = "; ".join(f"{name} would be {what}, and the data with it" for name, what in lost.items())
    named = " ".join(f"--allow {name}" for name in lost)
    return Refused(
        said,
        where=stack,
        hint="add another beside it and copy; or, if the data may go: "
        f"provisimus stack apply {service} {named}",
    )


def read_changes(operation: Operation, wanted: Deployment) -> list[ResourceChange]:
    """What an update to `wanted` would change, by a change set with values that is removed again.

    CloudFormation looks at properties itself when it makes one; the validator is asked for better
    words only once it has refused. Raises ProvisimusError with the words of either.
    """
    label = f"{PREFIX}{operation.run}-plan"
    try:
        stack_id = _create(operation, wanted, label, create=False)
        try:
            return described(operation, stack_id, label, values=True) or []
        finally:
            discard(operation, stack_id, label, created=False)
    except ProvisimusError:
        check_template(wanted.template)  # says better what is wrong, and where
        raise


def rolled_back(
    service: str, stack: Stack, events: Iterable[StackEvent], said: tuple[str, ...] = ()
) -> ProvisimusError:
    """The error of an operation that did not end well: the first cause first, then what the
    instance said."""
    cause = first_cause(events)
    why = (
        f"{cause.logical_id} ({cause.kind}): {cause.reason or cause.status}"
        if cause
        else stack.reason or stack.status
    )
    return RolledBack(
        f"the stack {stack.name} was rolled back: {why}",
        tail=said,
        where=f"{stack.stack_id} is {stack.status}",
        hint=f"all of it: provisimus stack events {service}",
    )


def clear_leftover(operation: Operation) -> None:
    """Delete what is left of a creation that failed: it holds the name.

    One that was never executed stays, for a change set may be added to it and voids the others
    when it is executed; deleted, it would take along what another run makes of it meanwhile.
    Raises Conflict when the change sets in it are not ours.
    """
    environment = operation.environment
    found = live.find_stack(environment, operation.name)
    if found is None or live.state_of(found.status) != "leftover":
        return
    if found.status != "REVIEW_IN_PROGRESS":
        remove(operation, found, f"left over: {found.status}")
    elif any(not name.startswith(PREFIX) for name in _change_sets(operation, found)):
        raise Conflict(
            f"the stack {found.name} waits for somebody else's change set",
            where=found.stack_id,
            hint="execute or delete that change set, or delete the stack",
        )


def _change_sets(operation: Operation, stack: Stack) -> list[str]:
    cloud = operation.environment.cloud
    with speaking(cloud, f"list the change sets of {stack.name}"):
        found = cloud.cloudformation.list_change_sets(StackName=stack.stack_id)["Summaries"]
    return [each.get("ChangeSetName", "") for each in found]


def remove(operation: Operation, stack: Stack, reason: str) -> None:
    """Delete a stack and wait until it is gone. Raises ProvisimusError when something holds it."""
    environment, cloud = operation.environment, operation.environment.cloud
    title = f"delete {stack.name}"
    with step(operation.tell, title, reason) as outcome:
        if stack.status == live.GOING:
            # An earlier run began it: go on from there, for it may be over by now.
            operation.tell(Said(title, "it is under way already"))
            since = before_deletion(events_of(environment, stack.stack_id))
        else:
            last = latest(environment, stack.stack_id)
            if last is not None and ended(last) and last.status == "DELETE_COMPLETE":
                outcome.result = "somebody else has deleted it"
                return
            since = last.event_id if last else None
            with speaking(cloud, f"delete the stack {stack.name}"):
                cloud.cloudformation.delete_stack(
                    StackName=stack.stack_id, ClientRequestToken=f"{PREFIX}{operation.run}-delete"
                )
        if stack.status == "REVIEW_IN_PROGRESS":
            _until_gone(operation, stack)
            return
        events = follow(
            environment,
            stack.stack_id,
            since,
            operation.tell,
            step=title,
            service=operation.service,
            deadline=operation.deadline,
        )
        outcome.result = events[-1].status
        if events[-1].status != "DELETE_COMPLETE":
            cause = first_cause(events)
            raise ProvisimusError(
                f"the stack {stack.name} could not be deleted: "
                + (f"{cause.logical_id}: {cause.reason}" if cause else events[-1].status),
                where=stack.stack_id,
                hint="remove what holds it, then run the same command again",
            )


def _until_gone(operation: Operation, stack: Stack) -> None:
    # A stack that never was anything but a name tells no events of its going.
    pace = Pace(operation.environment)
    while live.find_stack(operation.environment, operation.name) is not None:
        if operation.deadline.passed:
            raise ProvisimusError(f"the leftover of {stack.name} does not go away")
        pace.pause()


def _create(operation: Operation, wanted: Deployment, label: str, *, create: bool) -> str:
    kind: Literal["CREATE", "UPDATE"] = "CREATE" if create else "UPDATE"
    cloud = operation.environment.cloud
    given = submitted(operation.environment, wanted.template)
    try:
        with speaking(cloud, f"make a change set for {operation.name}"):
            made = cloud.cloudformation.create_change_set(
                StackName=operation.name,
                ChangeSetName=label,
                ChangeSetType=kind,
                **given,  # type: ignore[arg-type]
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": value}
                    for key, value in sorted(wanted.parameters.items())
                ],
                Capabilities=capabilities_of(wanted.template),  # type: ignore[arg-type]
                Tags=as_tags(wanted.tags),
                ClientToken=label,
            )
    except Unheard:
        # Nobody will look at it. The name that it may have reserved, the next run gives up.
        discard(operation, operation.name, label, created=False)
        raise
    return made["StackId"]


def described(
    operation: Operation, stack_id: str, label: str, *, values: bool = False
) -> list[ResourceChange] | None:
    """The change set's changes once it is ready; None when it holds none."""
    cloud = operation.environment.cloud
    pace = Pace(operation.environment)
    while True:
        with speaking(cloud, f"read the change set of {operation.name}"):
            found = cloud.cloudformation.describe_change_set(
                StackName=stack_id, ChangeSetName=label, IncludePropertyValues=values
            )
        status, why = found["Status"], found.get("StatusReason", "")
        if status == "CREATE_COMPLETE":
            changes = list(found.get("Changes", ()))
            while token := found.get("NextToken"):
                found = cloud.cloudformation.describe_change_set(
                    StackName=stack_id,
                    ChangeSetName=label,
                    NextToken=token,
                    IncludePropertyValues=values,
                )
                changes += found.get("Changes", ())
            sure = certain(each["ResourceChange"] for each in changes)
            return [resource_change(each) for each in sure]
        if status == "FAILED":
            if "didn't contain changes" in why or "No updates are to be performed" in why:
                return None
            discard(operation, stack_id, label)
            raise ProvisimusError(
                f"CloudFormation refuses the change of {operation.name}: {why}",
                where=stack_id,
                hint="nothing was changed",
            )
        pace.pause()


def discard(operation: Operation, stack_id: str, label: str, *, created: bool = True) -> None:
    """Take back a change set that shall not be executed, and the name that it may have reserved
    where it `created` a stack and no other run has a change set in it."""
    cloud = operation.environment.cloud
    try:
        with speaking(cloud, "delete a change set"):
            cloud.cloudformation.delete_change_set(StackName=stack_id, ChangeSetName=label)
        found = live.find_stack(operation.environment, stack_id) if created else None
        if found is None or found.status != "REVIEW_IN_PROGRESS":
            return
        if not _change_sets(operation, found):
            with speaking(cloud, "delete an empty stack"):
                cloud.cloudformation.delete_stack(StackName=stack_id)
    except (CloudFault, Unreachable) as fault:
        # What led here matters more; the next run clears the leftover.
        operation.tell(Said(operation.name, fault.message))


def _found(operation: Operation, stack_id: str) -> Stack:
    found = live.find_stack(operation.environment, stack_id)
    if found is None:
        raise NotFound(f"the stack {operation.name} is gone", where=stack_id)
    return found
