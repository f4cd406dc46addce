"""Change sets: made in the background, shown, executed once, deleted."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation import describe, requests, states, tokens
from provisimus.localcloud.cloudformation.engine import Engine
from provisimus.localcloud.cloudformation.errors import (
    AlreadyExists,
    ChangeSetNotFound,
    CloudFormationError,
    InvalidChangeSetStatus,
    ValidationError,
    unsupported,
)
from provisimus.localcloud.cloudformation.stack import ChangeSet, Stack
from provisimus.localcloud.cloudformation.template import Template

NO_CHANGES = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)


def create(engine: Engine, params: Mapping[str, Any]) -> tuple[Stack, ChangeSet]:
    """Begin one; for a stack that does not exist yet, the type CREATE makes it for review."""
    requests.refuse(
        params, "ResourcesToImport", "ImportExistingResources", "RollbackConfiguration",
        "DeploymentMode",
    )  # fmt: skip
    requests.check_standard(params)
    kind = params.get("ChangeSetType") or "UPDATE"
    if kind not in ("CREATE", "UPDATE", "IMPORT"):
        raise ValidationError(
            f"1 validation error detected: Value '{kind}' at 'changeSetType' failed to satisfy "
            "constraint: Member must satisfy enum value set: [IMPORT, UPDATE, CREATE]"
        )
    if kind == "IMPORT":
        raise unsupported(f"ChangeSetType {kind}")
    requests.check_on_stack_failure(params, kind)
    with engine.lock:
        stack = _target(engine, params, kind)
    name, token = requests.change_set_name(params), tokens.check(params, "ClientToken")
    made = next((each for each in _open(stack) if each.name == name), None) if stack else None
    if stack is not None and made is not None:
        if token is not None and token == made.token:
            return stack, made
        raise AlreadyExists(f"ChangeSet {name} already exists")
    wanted, template = requests.deployment(
        params, engine.cloud, stack.deployment if stack else None
    )
    with engine.lock:
        stack = _target(engine, params, kind)
        if stack is None:
            stack = engine.new_stack(requests.stack_name(params))
            stack.become("REVIEW_IN_PROGRESS", "User Initiated")
        if any(each.name == name for each in _open(stack)):
            raise AlreadyExists(f"ChangeSet {name} already exists")
        change_set = ChangeSet(
            id=(
                f"arn:aws:cloudformation:{engine.region}:{engine.account}:changeSet/{name}/"
                f"{uuid.uuid4()}"
            ),
            name=name,
            type=kind,
            description=params.get("Description"),
            created=time.time(),
            deployment=wanted,
            on_stack_failure=params.get("OnStackFailure"),
            token=token,
            include_nested=bool(params.get("IncludeNestedStacks")),
        )
        stack.change_sets[change_set.id] = change_set
    threading.Thread(
        target=_compute, args=(engine, stack, change_set, template), daemon=True
    ).start()
    engine.changed(stack)
    return stack, change_set


def find(engine: Engine, params: Mapping[str, Any]) -> tuple[Stack, ChangeSet]:
    """By name and stack, or by ARN; raises ChangeSetNotFound."""
    wanted, stack_name = str(params.get("ChangeSetName") or ""), params.get("StackName")
    with engine.lock:
        if wanted.startswith("arn:"):
            candidates = list(engine.stacks.values())
        else:
            candidates = [engine.find(stack_name)]
        for stack in candidates:
            matches = [c for c in stack.change_sets.values() if wanted in (c.id, c.name)]
            if matches:
                return stack, matches[-1]
    raise ChangeSetNotFound(f"ChangeSet [{wanted}] does not exist")


def execute(engine: Engine, params: Mapping[str, Any]) -> None:
    """Begin what it tells; the stack's other change sets are void then."""
    with engine.lock:
        stack, change_set = find(engine, params)
        # By its id: another change set of the same name is another request.
        asked = {**params, "ChangeSetName": change_set.id}
        if tokens.repeated(stack, "ExecuteChangeSet", asked):
            return
        if change_set.execution_status != "AVAILABLE":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of "
                f"[{change_set.status}]"
                + (
                    f" and execution status of [{change_set.execution_status}]"
                    if change_set.status == "CREATE_COMPLETE"
                    else ""
                )
            )
        token = params.get("ClientRequestToken")
        disabled, given = params.get("DisableRollback"), change_set.on_stack_failure
        if given is not None and disabled is not None:
            raise ValidationError(
                "DisableRollback cannot be specified: the change set has an OnStackFailure"
            )
        failure = given or ("DO_NOTHING" if disabled else "ROLLBACK")
        retain = bool(params.get("RetainExceptOnCreate"))
        if change_set.type == "UPDATE":
            states.require_updatable(stack)
            states.require_stable(stack, disabled=failure == "DO_NOTHING")
        tokens.note(stack, "ExecuteChangeSet", asked)
        change_set.execution_status = "EXECUTE_IN_PROGRESS"
        stack.change_sets = {change_set.id: change_set}
        if change_set.type == "CREATE":
            stack.on_failure = failure
            engine.begin_create(
                stack,
                change_set.deployment,
                token,
                change_set.id,
                retain_except_on_create=retain,
            )
        else:
            engine.begin_update(
                stack,
                change_set.deployment,
                token,
                failure,
                change_set.id,
                retain_except_on_create=retain,
            )


def delete(engine: Engine, params: Mapping[str, Any]) -> None:
    """Forget one; a stack that was made for its review stays in review, as on AWS."""
    with engine.lock:
        try:
            stack, change_set = find(engine, params)
        except ChangeSetNotFound:
            return
        if change_set.execution_status == "EXECUTE_IN_PROGRESS":
            raise InvalidChangeSetStatus(
                f"ChangeSet [{change_set.id}] cannot be deleted while it is executed"
            )
        del stack.change_sets[change_set.id]
    engine.changed(stack)


def _target(engine: Engine, params: Mapping[str, Any], kind: str) -> Stack | None:
    """The stack that a new change set is for; None when CREATE has still to make it."""
    name = str(params.get("StackName") or "")
    if kind == "UPDATE":
        stack = engine.find(name, deleted=False)
        states.require_updatable(stack)
        return stack
    existing = engine.living(name)
    if existing is not None and existing.status != "REVIEW_IN_PROGRESS":
        raise ValidationError(
            f"Stack [{name}] already exists and cannot be created again with the changeSet "
            f"[{params.get('ChangeSetName')}]."
        )
    return existing


def _open(stack: Stack) -> list[ChangeSet]:
    return [
        each for each in stack.change_sets.values() if each.execution_status != "EXECUTE_COMPLETE"
    ]


def _compute(engine: Engine, stack: Stack, change_set: ChangeSet, template: Template) -> None:
    with engine.lock:
        change_set.status = "CREATE_IN_PROGRESS"
        engine.changed(stack)
    reason: str | None = None
    found: list[dict[str, Any]] = []
    try:
        planned = engine.plan(stack, change_set.deployment, template)
        found = [describe.change(each) for each in planned]
        if not planned and not engine.differs(stack, change_set.deployment, template):
            reason = NO_CHANGES
    except CloudFormationError as error:
        reason = error.message
    except Exception as error:  # noqa: BLE001 - the change set must not stay pending
        reason = f"Internal Failure: {type(error).__name__}: {error}"
    with engine.lock:
        change_set.changes = found
        change_set.reason = reason
        change_set.status = "CREATE_COMPLETE" if reason is None else "FAILED"
        change_set.execution_status = "AVAILABLE" if reason is None else "UNAVAILABLE"
    engine.changed(stack)
