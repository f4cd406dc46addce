"""Operations that end another: an update is cancelled, a rollback begun or tried again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from provisimus.localcloud.cloudformation.engine import Engine
from provisimus.localcloud.cloudformation.errors import ValidationError


def cancel_update(engine: Engine, params: Mapping[str, Any]) -> None:
    """Roll an update under way back; raises ValidationError when none is."""
    stack = engine.find(params.get("StackName"), deleted=False)
    with engine.lock:
        run = engine.runs.get(stack.id)
        if stack.status != "UPDATE_IN_PROGRESS" or run is None:
            raise ValidationError(
                f"CancelUpdateStack cannot be called from current stack status {stack.status}"
            )
        run.cancel()


def continue_rollback(engine: Engine, params: Mapping[str, Any]) -> None:
    """Try again to go back; resources to skip are taken to be as they were."""
    stack = engine.find(params.get("StackName"), deleted=False)
    with engine.lock:
        if stack.status != "UPDATE_ROLLBACK_FAILED" or stack.operation is None:
            raise ValidationError(
                f"Stack:{stack.id} is in {stack.status} state and can not be rolled back "
                "(ContinueUpdateRollback needs UPDATE_ROLLBACK_FAILED)."
            )
        skip = tuple(params.get("ResourcesToSkip") or ())
        stray = [name for name in skip if name not in stack.operation.before]
        if stray:
            raise ValidationError(
                f"ResourcesToSkip: {', '.join(stray)} is not part of stack {stack.name}"
            )
        stack.operation.phase = "rollback"
        stack.operation.skip = skip
        stack.operation.token = params.get("ClientRequestToken")
        stack.become("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
        engine.start(stack)
