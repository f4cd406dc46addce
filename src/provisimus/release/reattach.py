"""Going on with an operation that is under way in the cloud: an interrupted run's, or the same by
somebody else.

What a run of this workspace began, and whose run has ended, is waited for whatever it was. What
anybody began, from any machine, is waited for when it leads to just what is wanted here: its token
says so. Any other operation makes the stack busy, and planning refuses it.
"""

from __future__ import annotations

from typing import Any

from provisimus.environment import Environment
from provisimus.errors import Locked, UnderWay
from provisimus.events import Tell, step
from provisimus.model import ServiceVersion
from provisimus.release.plan import ReleasePlan, plan_release
from provisimus.stacks.follow import Deadline, ended, follow, latest
from provisimus.stacks.live import describe, state_of
from provisimus.stacks.names import name_of
from provisimus.stacks.tokens import PREFIX
from provisimus.workspace.workspace import Workspace


def plan_at_rest(
    workspace: Workspace,
    environment: Environment,
    asked: ServiceVersion,
    tell: Tell,
    *,
    timeout: float | None = None,
) -> ReleasePlan:
    """Plan a release; what is under way to the very same is followed to its end first.

    `timeout` in seconds for each that is followed. Call it with the service's lock held: then no
    run of this workspace is alive on this machine. Raises StillRunning, and as `plan_release`.
    """
    while True:
        try:
            return plan_release(workspace, environment, asked)
        except Locked as busy:
            # Looked for now, and not before: a stack at rest is asked for once.
            names = workspace.members(asked.name, environment.name) or [asked.name]
            left = [
                await_interrupted(workspace, environment, name, tell, timeout=timeout)
                for name in names
            ]
            if any(left):
                continue
            if not isinstance(busy, UnderWay):
                raise
            reason = "the same is under way already"
            await_change(
                environment, busy.stack_id, busy.stack, busy.service, reason, tell, timeout
            )


def await_interrupted(
    workspace: Workspace,
    environment: Environment,
    service: str,
    tell: Tell,
    *,
    timeout: float | None = None,
) -> bool:
    """Follow what an interrupted run of ours left running; True when there was something."""
    found = describe(environment, name_of(workspace, environment.name, service))
    if found is None or state_of(found["StackStatus"]) != "busy":
        return False
    run = run_of(found)
    if run is None or not (workspace.state / "journal" / f"{run}.ndjson").exists():
        return False
    reason = f"the interrupted run {run} left it at {found['StackStatus']}"
    return await_change(
        environment, found["StackId"], found["StackName"], service, reason, tell, timeout
    )


def await_change(
    environment: Environment,
    stack_id: str,
    name: str,
    service: str,
    reason: str,
    tell: Tell,
    timeout: float | None,
) -> bool:
    """Follow what a stack is at, in seconds `timeout` at most; False where it rests. Raises
    StillRunning."""
    now = latest(environment, stack_id)
    if now is None or ended(now):
        return False
    title = f"stack {name}"
    with step(tell, title, reason) as outcome:
        events = follow(
            environment,
            stack_id,
            now.event_id,
            tell,
            step=title,
            service=service,
            deadline=Deadline.after(timeout),
        )
        outcome.result = events[-1].status
    return True


def run_of(found: Any) -> str | None:
    """The run whose change set a stack of DescribeStacks was given last; None for others'.

    `…:changeSet/provisimus-20260101T000000-abcdef-1/…` names it (change_set.deploy).
    """
    name = str(found.get("ChangeSetId", "")).partition(":changeSet/")[2].partition("/")[0]
    if not name.startswith(PREFIX):
        return None
    run, dash, _ = name.removeprefix(PREFIX).rpartition("-")
    return run if dash else None
