"""Who takes outputs of whom, in the cloud: nothing goes that another stack needs.

`Fn::GetStackOutput` locks nothing, so CloudFormation would let a stack go whose outputs are in use;
whoever used them would fail with its next change. So it is asked here, before.
"""

from __future__ import annotations

from collections.abc import Iterator

from provisimus.environment import Environment
from provisimus.errors import NotFound, Refused
from provisimus.model import Stack
from provisimus.stacks import live
from provisimus.stacks.plan import StackPlan
from provisimus.stacks.wiring import taken


def check_used(environment: Environment, plan: StackPlan) -> None:
    """Raises NotFound when a stack, or an output, is not there that the plan's stack takes."""
    asked = taken(plan.template)
    for service, name in plan.uses.items():
        found = live.find_stack(environment, name)
        hint = f"make it first: provisimus stack apply {service}"
        if found is None or live.state_of(found.status) == "leftover":
            raise NotFound(
                f"{plan.service} uses {service}, and there is no stack {name}",
                where=plan.name,
                hint=hint,
            )
        missing = {output for stack, output in asked if stack == name} - found.outputs.keys()
        if missing and live.state_of(found.status) == "ready":
            raise NotFound(
                f"{plan.service} uses {', '.join(sorted(missing))} of {service}, which {name} does "
                "not give",
                where=found.stack_id,
                hint=hint,
            )


def check_users(environment: Environment, plan: StackPlan) -> None:
    """Raises Refused when the plan takes outputs away that another stack uses."""
    if plan.live is None:
        return
    gone = plan.live.outputs.keys() - plan.template.get("Outputs", {}).keys()
    project = plan.ours[live.PROJECT]
    refuse_used(environment, plan.live, project, plan.service, set(gone))


def refuse_used(
    environment: Environment,
    stack: Stack,
    project: str,
    service: str,
    outputs: set[str],
    *,
    going: frozenset[str] = frozenset(),
) -> None:
    """Raises Refused, with the names of the users, when another stack of the project takes one of
    these outputs, other than those that are going. Templates are read only of stacks that say that
    they use this one."""
    if not outputs:
        return
    found: dict[str, list[str]] = {}
    used = users_of(environment, stack, project, service, outputs)
    for user, output in sorted((each.tags.get(live.SERVICE, each.name), out) for each, out in used):
        if user not in going:
            found.setdefault(user, []).append(output)
    if found:
        users = ", ".join(f"{user} ({', '.join(named)})" for user, named in found.items())
        raise Refused(
            f"{stack.name} is in use by {users}",
            where=stack.stack_id,
            hint="change or delete those first; then run the same command again",
        )


def users_of(
    environment: Environment, stack: Stack, project: str, service: str, outputs: set[str]
) -> Iterator[tuple[Stack, str]]:
    """The stacks of the project that take one of these outputs of a stack, each with which. Read
    are the templates of those alone that say that they use it."""
    for each in live.list_stacks(environment, project):
        if service in each.tags.get(live.USES, "").split():
            for name, output in taken(live.template_of(environment, each)):
                if name == stack.name and output in outputs:
                    yield each, output
