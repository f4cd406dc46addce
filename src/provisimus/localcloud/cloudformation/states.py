"""What may be asked of a stack in its present state. Pure; every check raises ValidationError.

Source: CloudFormation user guide, "Stack status codes" and "Stack failure options".
"""

from __future__ import annotations

from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.stack import Stack

UPDATABLE = frozenset(
    {
        "CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED",
        "UPDATE_ROLLBACK_COMPLETE",
    }
)  # fmt: skip

DETECTABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
)
"""User guide, "Detect unmanaged configuration changes … with drift detection"."""


def require_updatable(stack: Stack) -> None:
    if stack.status not in UPDATABLE:
        raise ValidationError(
            f"Stack:{stack.id} is in {stack.status} state and can not be updated."
        )


def require_stable(stack: Stack, *, disabled: bool) -> None:
    """From a failed state an update goes only forward; the way back is RollbackStack."""
    if stack.status in ("CREATE_FAILED", "UPDATE_FAILED") and not disabled:
        raise ValidationError(
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the "
            "stack from this state, please use the disable-rollback parameter with update-stack "
            "API. To rollback to the last known good state, use the rollback-stack API"
        )


def require_unprotected(stack: Stack) -> None:
    if stack.protected:
        raise ValidationError(
            f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )


def require_detectable(stack: Stack) -> None:
    if stack.status not in DETECTABLE:
        raise ValidationError(
            f"Drift detection cannot be performed on stack [{stack.id}] in {stack.status} state"
        )
