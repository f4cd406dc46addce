"""One service of several that come up at once: planned when its turn comes, then carried out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace

from provisimus.environment import Environment
from provisimus.events import Tell
from provisimus.model import Commits, ServiceVersion
from provisimus.release.execute import Released, execute
from provisimus.release.lock import one_at_a_time
from provisimus.release.plan import ReleasePlan, plan_release
from provisimus.release.reattach import plan_at_rest
from provisimus.workspace.workspace import Workspace


def bring_up(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    commits: Commits,
    tell: Tell,
    run: str,
    *,
    making: AbstractContextManager[object],
    check: Callable[[ReleasePlan, Environment], None] | None = None,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
    planned: ReleasePlan | None = None,
) -> tuple[ReleasePlan, Released]:
    """Take a service all the way, and return the plan that was carried out with what stands.

    `making` is held while images are built and baked: two stacks may run the same machine, and one
    bake keeps a computer busy. `check` refuses a plan before anything is made. `timeout` is in
    seconds, for the stack. `allow` names what of it holds data and may go. `planned` is its plan
    where nothing is to do, here or in what it uses: it is not planned again. Raises Locked, and
    whatever planning and `execute` raise.
    """
    with one_at_a_time(workspace, environment.name, asked.name, run):
        plan = planned or plan_at_rest(workspace, environment, asked, tell, timeout=timeout)
        if check is not None:
            check(plan, environment)
        if plan.machine is not None and plan.machine.image is None:
            with making:
                # Another stack's turn may have made it meanwhile.
                plan = plan_release(workspace, environment, asked)
                execute(
                    replace(plan, stack=None, members=()), environment, commits, tell, run,
                )  # fmt: skip
            plan = plan_release(workspace, environment, asked)
        return plan, execute(plan, environment, commits, tell, run, timeout=timeout, allow=allow)
