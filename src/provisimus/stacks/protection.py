"""Termination protection of a stack (CloudFormation User Guide, "Protect stacks")."""

from __future__ import annotations

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.model import Stack


def protect_stack(environment: Environment, stack: Stack, *, on: bool) -> None:
    """Turn it on or off."""
    environment.cloud.check_account()
    what = "protect" if on else "take the protection away of"
    with speaking(environment.cloud, f"{what} the stack {stack.name}"):
        environment.cloud.cloudformation.update_termination_protection(
            StackName=stack.stack_id, EnableTerminationProtection=on
        )
