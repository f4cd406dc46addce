"""One service of several that come up at once: planned when its turn comes, then carried out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from provisimus.environment import Environment
from provisimus.events import Said, Tell
from provisimus.model import Commits, ServiceVersion
from provisimus.parallel import Turns
from provisimus.release.execute import Released, execute
from provisimus.release.lock import one_at_a_time
from provisimus.release.plan import ReleasePlan, plan_release
from provisimus.release.reattach import plan_at_rest
from provisimus.workspace.workspace import Workspace

BAKE = "bake"
"""What one service at a time does."""


def bring_up(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    commits: Commits,
    tell: Tell,
    run: str,
    *,
    making: Turns,
    check: Callable[[ReleasePlan, Environment], None] | None = None,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
    planned: ReleasePlan | None = None,
) -> tuple[ReleasePlan, Released, float]:
    """Take a service all the way, and return the plan that was carried out with what stands, and
    the seconds that it waited for its turn.

    A turn of `making` is held while images are built and baked: one bake keeps a computer busy. Who
    wants the machine image that another makes waits for that one alone. `check` refuses a plan
    before anything is made. `timeout` is in seconds, for the stack. `allow` names what of it holds
    data and may go. `planned` is its plan where nothing is to do, here or in what it uses: it is
    not planned again. Raises Locked, and whatever planning and `execute` raise.
    """
    with one_at_a_time(workspace, environment.name, asked.name, run):
        plan = planned or plan_at_rest(workspace, environment, asked, tell, timeout=timeout)
        if check is not None:
            check(plan, environment)
        waited = 0.0
        if plan.machine is not None and plan.machine.image is None:
            alike = str(plan.machine.fingerprint)
            waited = _make_machine(workspace, environment, asked, commits, tell, run, making, alike)
            plan = plan_release(workspace, environment, asked)
        made = execute(plan, environment, commits, tell, run, timeout=timeout, allow=allow)
        return plan, made, waited


def _make_machine(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    commits: Commits,
    tell: Tell,
    run: str,
    making: Turns,
    alike: str,
) -> float:
    """Make the machine image with the fingerprint `alike`, or wait for who makes it; returns the
    seconds that were waited for others."""

    def tell_whose(other: str) -> None:
        tell(Said("bake", f"waits while the machine image of {other} is made"))

    def missing() -> ReleasePlan | None:
        now = plan_release(workspace, environment, asked)
        if now.machine is None or now.machine.image is not None:
            return None
        return replace(now, stack=None, members=())

    with making.turn(alike, asked.name, tell_whose) as for_it:
        if missing() is None:
            return for_it
        with making.turn(BAKE, asked.name, tell_whose) as for_turn:
            # Of its container images some are made meanwhile.
            if wanted := missing():
                execute(wanted, environment, commits, tell, run)
            return for_it + for_turn
