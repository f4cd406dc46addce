"""Operations that end another: an update is cancelled, a rollback begun or tried again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.localcloud.cloudformation import requests, states, tokens
from provisimus.localcloud.cloudformation.engine import Engine
from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.stack import Operation, Stack


def cancel_update(engine: Engine, params: Mapping[str, Any]) -> None:
    """Roll an update under way back; raises ValidationError when none is."""
    stack = engine.find(params.get("StackName"), deleted=False)
    with engine.lock:
        if tokens.repeated(stack, "CancelUpdateStack", params):
            return
        run = engine.runs.get(stack.id)
        if stack.status != "UPDATE_IN_PROGRESS" or run is None:
            raise ValidationError(
                f"CancelUpdateStack cannot be called from current stack status {stack.status}"
            )
        tokens.note(stack, "CancelUpdateStack", params)
        run.cancel()
    engine.changed(stack)


def rollback(engine: Engine, params: Mapping[str, Any]) -> Stack:
    """Go back to the last stable state, or delete the stack where there never was one.

    Source: API reference of RollbackStack.
    """
    requests.refuse(params, "DeploymentConfig")
    stack = engine.find(params.get("StackName"), deleted=False)
    token = params.get("ClientRequestToken")
    retain = bool(params.get("RetainExceptOnCreate"))
    with engine.lock:
        if tokens.repeated(stack, "RollbackStack", params):
            return stack
        if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
            raise ValidationError(
                f"Stack:{stack.id} is in {stack.status} state and can not be rolled back "
                "(RollbackStack needs CREATE_FAILED or UPDATE_FAILED)."
            )
        failed = stack.operation
        if failed is None or not stack.stable:
            states.require_unprotected(stack)
            left = failed.discarded if failed else []
            stack.operation = Operation("CREATE", "delete", token=token, discarded=left)
            status = "DELETE_IN_PROGRESS"
        else:
            failed.phase, failed.token = "rollback", token
            status = "UPDATE_ROLLBACK_IN_PROGRESS"
        assert stack.operation is not None
        stack.operation.retain_except_on_create = retain
        tokens.note(stack, "RollbackStack", params)
        stack.become(status, "User Initiated")
        engine.start(stack)
    return stack


def check_skip(stack: Stack, skip: Iterable[str]) -> None:
    """Only what a rollback could not put back may be skipped; raises ValidationError."""
    assert stack.operation is not None
    for name in skip:
        record = stack.resources.get(name)
        if record is None or name not in stack.operation.before:
            raise ValidationError(f"ResourcesToSkip: {name} is not part of stack {stack.name}")
        if record.status != "UPDATE_FAILED":
            raise ValidationError(
                f"ResourcesToSkip: {name} is in {record.status} state; only a resource that is in "
                "UPDATE_FAILED because a rollback failed can be skipped"
            )


def continue_rollback(engine: Engine, params: Mapping[str, Any]) -> None:
    """Try again to go back; resources to skip are taken to be as they were."""
    stack = engine.find(params.get("StackName"), deleted=False)
    with engine.lock:
        if tokens.repeated(stack, "ContinueUpdateRollback", params):
            return
        if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.operation is None:
            raise ValidationError(
                f"Stack:{stack.id} is in {stack.status} state and can not be rolled back "
                "(ContinueUpdateRollback needs UPDATE_ROLLBACK_FAILED)."
            )
        skip = tuple(params.get("ResourcesToSkip") or ())
        check_skip(stack, skip)
        tokens.note(stack, "ContinueUpdateRollback", params)
        stack.operation.phase = "rollback"
        stack.operation.skip = skip
        stack.operation.token = params.get("ClientRequestToken")
        stack.become("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        engine.start(stack)
