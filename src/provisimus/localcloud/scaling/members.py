"""The life of one instance in a group, hooks included. Pure.

    Pending ► Pending:Wait ► Pending:Proceed ► InService ► Terminating ► Terminating:Wait ►
    Terminating:Proceed ► gone

Source: EC2 Auto Scaling user guide, "Amazon EC2 Auto Scaling instance lifecycle" and "How lifecycle
hooks work".
"""

from __future__ import annotations

import uuid
from dataclasses import replace

from provisimus.localcloud.scaling import words
from provisimus.localcloud.scaling.group import LAUNCHING, TERMINATING, Group, Member, Wait
from provisimus.localcloud.scaling.turn import Deregister, End, Notify, Register, Turn

LONGEST_WAIT = 48 * 3600
MOST_HEARTBEATS = 100
AGAIN = 10.0
"""Seconds until a registration, or its end, that failed is tried again."""
_ALIVE = ("pending", "running")


def advance(turn: Turn) -> None:
    """Bring every instance as far as it can come."""
    for member in turn.group.members:
        match member.state:
            case "Pending":
                _arrive(turn, member)
            case "Pending:Wait":
                _await_launch(turn, member)
            case "InService" if member.unregistered:
                _try_again(turn, member, Register(member.id))
            case "Terminating":
                _leave(turn, member)
            case "Terminating:Wait":
                _await_end(turn, member)
            case "Terminating:Proceed":
                _see_off(turn, member)
            case _:
                pass


def _arrive(turn: Turn, member: Member) -> None:
    state = turn.seen(member).state
    if state not in _ALIVE:
        turn.take_out(member, words.sick(turn.now, NOT_RUNNING))
    elif state == "running" and not _waits(turn, member, LAUNCHING, "Pending:Wait"):
        _enter(turn, member)


def _await_launch(turn: Turn, member: Member) -> None:
    if turn.seen(member).state not in _ALIVE:
        turn.take_out(member, words.sick(turn.now, NOT_RUNNING))
        return
    result = _result(turn, member)
    if result == "CONTINUE":
        _enter(turn, member)
    elif result:
        turn.take_out(member, words.abandoned(turn.now, member.id))


def _enter(turn: Turn, member: Member) -> None:
    spare = member.spare and turn.group.refresh is not None
    now = replace(member, state="InService", in_service=turn.now, waits=(), spare=spare)
    turn.group = turn.group.put(now).amend(
        member.activity, status="Successful", progress=100, ended=turn.now
    )
    if turn.group.does("AddToLoadBalancer"):
        turn.steps.append(Register(member.id))


def _try_again(turn: Turn, member: Member, step: Register | Deregister) -> None:
    if turn.now - member.unregistered >= AGAIN * turn.world.pace:
        turn.group = turn.group.put(replace(member, unregistered=0.0))
        turn.steps.append(step)


def _leave(turn: Turn, member: Member) -> None:
    """Once no balancer has it or drains it; a group that is deleted does not wait for that."""
    seen = turn.seen(member)
    if member.unregistered and seen.state in _ALIVE and not turn.group.deleting:
        _try_again(turn, member, Deregister(member.id))
        return
    if "draining" in seen.targets and not turn.group.deleting:
        turn.group = turn.group.amend(member.activity, status="WaitingForELBConnectionDraining")
        return
    if not _waits(turn, member, TERMINATING, "Terminating:Wait"):
        _end(turn, member)


def _await_end(turn: Turn, member: Member) -> None:
    if _result(turn, member) or turn.seen(member).state == "terminated":
        _end(turn, member)


def _end(turn: Turn, member: Member) -> None:
    turn.group = turn.group.put(replace(member, state="Terminating:Proceed", waits=())).amend(
        member.activity, status="InProgress", progress=50
    )
    turn.steps.append(End(member.id))


def _see_off(turn: Turn, member: Member) -> None:
    state = turn.seen(member).state
    if state == "terminated":
        turn.group = turn.group.drop(member.id).amend(
            member.activity, status="Successful", progress=100, ended=turn.now
        )
    elif state != "shutting-down":
        turn.steps.append(End(member.id))  # the last attempt did not reach it


def _waits(turn: Turn, member: Member, transition: str, state: str) -> bool:
    """Have it wait for the hooks of a transition; False when there is none."""
    hooks = [each for each in turn.group.hooks if each.transition == transition]
    if not hooks:
        return False
    waits = []
    for hook in hooks:
        latest = turn.now + min(LONGEST_WAIT, MOST_HEARTBEATS * hook.timeout)
        wait = Wait(hook.name, str(uuid.uuid4()), turn.now + hook.timeout, latest)
        waits.append(wait)
        turn.steps.append(Notify(member.id, hook, wait))
    turn.group = turn.group.put(replace(member, state=state, waits=tuple(waits))).amend(
        member.activity, status="MidLifecycleAction", progress=60
    )
    return True


def _result(turn: Turn, member: Member) -> str:
    """What all hooks together say: ABANDON as soon as one does, CONTINUE when all do, else ""."""
    defaults = {each.name: each.default for each in turn.group.hooks}
    results = [
        each.result or (defaults.get(each.hook, "CONTINUE") if turn.now >= each.until else "")
        for each in member.waits
    ]
    if "ABANDON" in results:
        return "ABANDON"
    return "" if "" in results else "CONTINUE"


def complete(group: Group, instance: str, hook: str, token: str, result: str) -> Group | None:
    """The group when somebody answered a hook; None when nobody waits for that."""
    return _changed(group, instance, hook, token, lambda wait: replace(wait, result=result))


def heartbeat(group: Group, instance: str, hook: str, token: str, now: float) -> Group | None:
    """The group when the time-out of a hook begins anew; None when nobody waits for that."""
    timeout = next((each.timeout for each in group.hooks if each.name == hook), 0)

    def later(wait: Wait) -> Wait:
        return replace(wait, until=min(now + timeout, wait.latest))

    return _changed(group, instance, hook, token, later)


def _changed(group: Group, instance: str, hook: str, token: str, change: object) -> Group | None:
    for member in group.members:
        for wait in member.waits:
            meant = wait.token == token if token else member.id == instance
            if meant and wait.hook == hook and not wait.result:
                waits = tuple(
                    change(each) if each is wait else each  # type: ignore[operator]
                    for each in member.waits
                )
                return group.put(replace(member, waits=waits))
    return None


NOT_RUNNING = "an EC2 health check indicating it has been terminated or stopped"
