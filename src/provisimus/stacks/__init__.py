"""Stacks: from a definition to an answering instance of a CloudFormation stack.

`plan_stack` says what is to be done and why; `apply_stack` does it by way of change sets, streams
the events, and waits until the service answers. Truth lives in CloudFormation: the fingerprint in
the stack's tags, the half-way state of a swap in its template. Knows machine images by id and
fingerprint only, never how they are baked.
"""

from typing import TYPE_CHECKING

from provisimus.lazy import parts

if TYPE_CHECKING:
    from provisimus.stacks.apply import apply_stack
    from provisimus.stacks.live import find_stack, stack_name
    from provisimus.stacks.names import find_of, name_of
    from provisimus.stacks.plan import StackPlan, plan_stack

__all__ = [
    "StackPlan",
    "apply_stack",
    "find_of",
    "find_stack",
    "name_of",
    "plan_stack",
    "stack_name",
]

__getattr__ = parts(
    __name__,
    {
        "apply": "apply_stack",
        "live": "find_stack stack_name",
        "names": "find_of name_of",
        "plan": "StackPlan plan_stack",
    },
)
