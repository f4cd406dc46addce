"""Going on where an interrupted run stopped: its stack operation went on in the cloud meanwhile.

Only an operation that a run of this workspace began, and whose run has ended, is waited for.
Anybody else's makes the stack busy, and planning refuses it.
"""

from __future__ import annotations

from provisimus.environment import Environment
from provisimus.events import Tell, step
from provisimus.stacks.change_set import PREFIX
from provisimus.stacks.follow import Deadline, ended, follow, latest
from provisimus.stacks.live import find_stack, stack_name, state_of
from provisimus.workspace.workspace import Workspace


def await_interrupted(
    workspace: Workspace,
    environment: Environment,
    service: str,
    tell: Tell,
    *,
    timeout: float | None = None,
) -> bool:
    """Follow what an interrupted run of ours left running; True when there was something.

    Call it with the service's lock held: then no run of this workspace is alive on this machine.
    """
    stack = find_stack(environment, stack_name(workspace.name, environment.name, service))
    if stack is None or state_of(stack.status) != "busy":
        return False
    now = latest(environment, stack.stack_id)
    if now is None or ended(now):
        return False
    run = run_of_token(now.token or "")
    if run is None or not (workspace.state / "journal" / f"{run}.ndjson").exists():
        return False
    title = f"stack {stack.name}"
    with step(tell, title, f"the interrupted run {run} left it at {stack.status}") as outcome:
        events = follow(
            environment,
            stack.stack_id,
            now.event_id,
            tell,
            step=title,
            service=service,
            deadline=Deadline.after(timeout),
        )
        outcome.result = events[-1].status
    return True


def run_of_token(token: str) -> str | None:
    """`provisimus-20260101T000000-abcdef-1` names the run; other tokens are not ours."""
    if not token.startswith(PREFIX):
        return None
    run, dash, _ = token.removeprefix(PREFIX).rpartition("-")
    return run if dash else None
