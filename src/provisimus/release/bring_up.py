"""One service of several that come up at once: planned when its turn comes, then carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack

from provisimus.environment import Environment
from provisimus.events import Said, Tell, about
from provisimus.model import Commits, ServiceVersion
from provisimus.parallel import Turns
from provisimus.release.execute import Released, execute
from provisimus.release.lock import one_at_a_time
from provisimus.release.plan import ReleasePlan, plan_release
from provisimus.release.reattach import plan_at_rest
from provisimus.workspace.workspace import Workspace

BAKE = "bake"
"""What one service at a time does."""
START = "start"
"""What as many services do at a time as `starting` says."""

Check = Callable[[ReleasePlan, Environment], None]


def bring_up(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    commits: Commits,
    tell: Tell,
    run: str,
    *,
    turns: Turns,
    starting: int | None = None,
    check: Check | None = None,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
    planned: ReleasePlan | None = None,
) -> tuple[ReleasePlan, Released, float]:
    """Take a service all the way, and return the plan that was carried out with what stands, and
    the seconds that it waited for its turn.

    A turn of `turns` is held while images are built and baked: one bake keeps a computer busy. Who
    wants the machine image that another makes waits for that one alone. `starting` is how many
    change a stack with machines at a time; None is all. `check` refuses a plan before anything is
    made. `timeout` is in seconds, for the stack. `allow` names what of it holds data and may go.
    `planned` is its plan where nothing is to do, here or in what it uses: it is not planned again.
    Raises Locked, and whatever planning and `execute` raise.
    """
    with one_at_a_time(workspace, environment.name, asked.name, run):
        plan = planned or plan_at_rest(workspace, environment, asked, tell, timeout=timeout)
        if check is not None:
            check(plan, environment)
        waited = 0.0
        if plan.machine is not None and plan.machine.image is None:
            alike = str(plan.machine.fingerprint)
            waited = _bake_in_turn(workspace, environment, asked, commits, tell, run, turns, alike)
            plan = plan_release(workspace, environment, asked)
        with ExitStack() as turn:
            if starting is not None and plan.machine is not None and plan.plan.changes:

                def tell_whose(other: str) -> None:
                    tell(Said("stack", f"waits while the machines of {other} are started"))

                waited += turn.enter_context(turns.turn(START, asked.name, tell_whose, starting))
            made = execute(plan, environment, commits, tell, run, timeout=timeout, allow=allow)
        return plan, made, waited


def bake_before(
    workspace: Workspace,
    environment: Environment,
    asked: Iterable[ServiceVersion],
    planned: Mapping[str, ReleasePlan],
    commits: Commits,
    tell: Tell,
    run: str,
    check: Check | None = None,
) -> dict[str, float | Exception]:
    """Make the machine images that these services lack, one after the other; returns for each that
    lacked one the seconds that it took, or why it has none.

    For a computer that bakes and runs the machines itself: where they are emulated each that runs
    takes of it what the next bake needs. `planned` has the plans that could be made beforehand: a
    stack that uses what is not there yet has none. What `check` refuses is not made.
    """
    ended: dict[str, float | Exception] = {}
    for each in asked:
        began = time.monotonic()
        plan = planned.get(each.name)
        if plan is not None and (plan.machine is None or plan.machine.image is not None):
            continue
        try:
            if plan is not None and check is not None:
                check(plan, environment)
            with one_at_a_time(workspace, environment.name, each.name, run):
                told = about(tell, each.name)
                if _bake_missing(workspace, environment, each, commits, told, run):
                    ended[each.name] = time.monotonic() - began
        except Exception as error:  # noqa: BLE001 whoever brings the stack up raises it
            ended[each.name] = error
    return ended


def _bake_missing(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    commits: Commits,
    tell: Tell,
    run: str,
) -> bool:
    """Make a service's machine image if it has one that is missing, and nothing of its stack."""
    if workspace.machine_of(asked.name, environment.name) is None:
        return False
    plan = plan_release(workspace, environment, asked, "machine")
    if plan.machine is None or plan.machine.image is not None:
        return False
    execute(plan, environment, commits, tell, run)
    return True


def _bake_in_turn(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    commits: Commits,
    tell: Tell,
    run: str,
    turns: Turns,
    alike: str,
) -> float:
    """Make the machine image with the fingerprint `alike`, or wait for who makes it; returns the
    seconds that were waited for others."""

    def tell_whose(other: str) -> None:
        tell(Said("bake", f"waits while the machine image of {other} is made"))

    with turns.turn(alike, asked.name, tell_whose) as for_it:
        plan = plan_release(workspace, environment, asked, "machine")
        if plan.machine is None or plan.machine.image is not None:
            return for_it
        with turns.turn(BAKE, asked.name, tell_whose) as for_turn:
            # Of its container images some are made meanwhile.
            _bake_missing(workspace, environment, asked, commits, tell, run)
            return for_it + for_turn
