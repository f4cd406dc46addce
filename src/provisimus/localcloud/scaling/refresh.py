"""An instance refresh, one look at a time. Pure.

Instances are replaced a few at once: where more than all may be healthy (MaxHealthyPercentage
above 100) the new ones are launched before the old ones go, else the old ones go first. A new one
counts when it is in service, healthy and warmed up. A refresh that does not get on for an hour
fails. The group's launch template becomes the desired one when the refresh has succeeded.

Source: EC2 Auto Scaling user guide, "How an instance refresh works in an Auto Scaling group",
"Understand the default values for an instance refresh", "Add checkpoints to an instance refresh",
"Undo changes with a rollback".
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from provisimus.localcloud.scaling import words
from provisimus.localcloud.scaling.capacity import place
from provisimus.localcloud.scaling.group import Group, Member, Refresh
from provisimus.localcloud.scaling.turn import Launch, Turn

PATIENCE = 3600.0
CHECKPOINT_DELAY = 3600
_ENDS = {"InProgress": "Failed", "Baking": "Failed", "RollbackInProgress": "RollbackFailed"}


def roll(turn: Turn) -> None:
    """Bring the refresh that runs one look further."""
    refresh = turn.group.refresh
    if refresh is None:
        _count_spares(turn)
        return
    if not turn.group.does("InstanceRefresh"):
        return
    if refresh.status == "Pending":
        refresh = begun(turn, refresh, "InProgress")
    if refresh.status == "RollbackInProgress" and refresh.total < 0:
        refresh = begun(turn, refresh, "RollbackInProgress")
    if refresh.status == "Cancelling":
        if not any(each.coming or each.going for each in turn.group.members):
            _end(turn, refresh, "Cancelled", "Cancelled due to user request.")
        return
    rung = sorted(name for name, state in turn.world.alarms.items() if state == "ALARM")
    if rung and refresh.status != "RollbackInProgress":
        _fail(turn, refresh, f"The alarm(s) {', '.join(rung)} are in the state ALARM.")
        return
    if refresh.status == "Baking":
        if turn.now >= refresh.held_until:
            _succeed(turn, refresh)
        return
    refresh = _counted(turn, refresh)
    if not refresh.left or _was_last_checkpoint(refresh):
        bake = int(refresh.preferences.get("BakeTime") or 0)
        if bake and refresh.status == "InProgress":
            held = replace(refresh, status="Baking", held_until=turn.now + bake, reason="")
            turn.group = turn.group.note(held)
        else:
            _succeed(turn, refresh)
        return
    if turn.now - refresh.moved > PATIENCE * turn.world.pace:
        _fail(turn, refresh, "No instance could be replaced for an hour.")
        return
    turn.group = turn.group.note(refresh)
    if turn.now >= refresh.held_until:
        _replace(turn, refresh)


def begun(turn: Turn, refresh: Refresh, status: str) -> Refresh:
    """The refresh when it starts to replace, forward or back."""
    skips = bool(refresh.preferences.get("SkipMatching")) or status == "RollbackInProgress"
    there = [each for each in turn.group.members if each.coming or each.serves]
    fresh = tuple(m.id for m in there if skips and m.version == turn.world.version)
    started = replace(refresh, status=status, fresh=fresh, moved=turn.now, passed=0, held_until=0.0)
    total = len(stale(turn.group, started))
    started = replace(started, total=total, left=total)
    turn.group = turn.group.note(started)
    return started


def stale(group: Group, refresh: Refresh) -> list[Member]:
    """Instances that still are to be replaced."""
    ignores = refresh.preferences.get("ScaleInProtectedInstances") == "Ignore"
    return [
        each
        for each in group.members
        if (each.coming or each.serves)
        and each.id not in refresh.fresh
        and not (each.protected and ignores)
    ]


def warm(turn: Turn, refresh: Refresh, member: Member) -> bool:
    """Whether an instance does its full share; a balancer that the group heeds must say so."""
    if not member.serves or member.health != "Healthy":
        return False
    if member.id not in refresh.fresh or member.launched < refresh.started:
        return True
    states = turn.seen(member).targets
    heeds = turn.group.settings.get("HealthCheckType") == "ELB" and turn.group.target_groups
    if heeds and (not states or {"initial", "unhealthy"} & {*states}):
        return False
    given = refresh.preferences.get("InstanceWarmup")
    warmup = turn.group.warmup if given is None or int(given) < 0 else int(given)
    return turn.now - member.in_service >= warmup


def _counted(turn: Turn, refresh: Refresh) -> Refresh:
    """With what is left to do now, and the checkpoint that this reaches."""
    old = len(stale(turn.group, refresh))
    cold = [
        each
        for each in turn.group.members
        if each.id in refresh.fresh
        and (each.coming or each.serves)
        and not warm(turn, refresh, each)
    ]
    missing = max(0, turn.group.desired - _live(turn.group))
    left = min(refresh.total, old + min(len(cold) + missing, refresh.total - old))
    moved = turn.now if left < refresh.left else refresh.moved
    why = f"Waiting for instances to warm up. For example: {cold[0].id}." if cold else ""
    now = replace(refresh, left=left, moved=moved, reason=why)
    reached = [p for p in _checkpoints(now) if now.passed < p <= now.percentage]
    if not reached:
        return now
    delay = int(now.preferences.get("CheckpointDelay", CHECKPOINT_DELAY))
    held = turn.now + delay if reached[-1] < 100 else 0.0
    return replace(now, passed=reached[-1], held_until=held, moved=turn.now + delay)


def _replace(turn: Turn, refresh: Refresh) -> None:
    """Replace as many as may be replaced at once."""
    group = turn.group
    waits = refresh.preferences.get("ScaleInProtectedInstances", "Wait") == "Wait"
    old = [e for e in stale(group, refresh) if not (e.protected and waits)]
    old = old[: _until_checkpoint(refresh)]
    for spare in [each for each in old if each.spare]:  # launched before it was rolled back
        turn.take_out(spare, words.refreshed(turn.now))
    group, old = turn.group, [each for each in old if not each.spare]
    least, most = limits(group.desired, refresh.preferences)
    if most > group.desired:
        _launch_first(turn, refresh, old, most - group.desired)
        return
    healthy = [e for e in group.members if not e.spare and warm(turn, refresh, e)]
    # A stale one that is sick or not in service yet takes nothing away.
    useless = [each for each in old if each not in healthy]
    spendable = [each for each in old if each in healthy][: max(0, len(healthy) - least)]
    for member in (*useless, *spendable):
        turn.take_out(member, words.refreshed(turn.now))


def _launch_first(turn: Turn, refresh: Refresh, old: list[Member], extra: int) -> None:
    spares = [each for each in turn.group.members if each.spare and not each.going]
    for spare in spares:
        if old and warm(turn, refresh, spare):
            turn.take_out(old.pop(0), words.refreshed(turn.now))
            turn.group = turn.group.put(replace(spare, spare=False))
            extra -= 1
        elif spare.health != "Healthy":
            turn.take_out(spare, words.sick(turn.now, spare.sick))
    extra -= len([each for each in turn.group.members if each.spare and not each.going])
    spread = Counter(each.zone for each in turn.group.members if each.coming or each.serves)
    waiting = len([each for each in turn.group.members if each.spare and not each.going])
    for _ in range(max(0, min(extra, len(old) - waiting))):
        subnet = place(turn.group.subnets, spread, turn.group.shortages, turn.now)
        if subnet is None or not turn.group.does("Launch"):
            return
        spread[subnet.zone] += 1
        turn.steps.append(Launch(subnet, words.refreshing(turn.now), spare=True))


def limits(desired: int, preferences: Mapping[str, Any]) -> tuple[int, int]:
    """The fewest healthy instances, and the most instances, while it runs.

    At least one instance can always be replaced.
    """
    lowest = int(preferences.get("MinHealthyPercentage", 90))
    highest = int(preferences.get("MaxHealthyPercentage", 110 if lowest == 100 else 100))
    least = math.ceil(desired * lowest / 100)
    most = math.floor(desired * highest / 100)
    if highest > 100:
        return least, max(most, desired + 1)
    return min(least, desired - 1), desired


def _live(group: Group) -> int:
    return len([e for e in group.members if (e.coming or e.serves) and not e.spare])


def _checkpoints(refresh: Refresh) -> list[int]:
    if refresh.status != "InProgress":
        return []
    return sorted(int(each) for each in refresh.preferences.get("CheckpointPercentages") or ())


def _until_checkpoint(refresh: Refresh) -> int:
    """How many instances may be replaced before the next checkpoint is reached."""
    ahead = [each for each in _checkpoints(refresh) if each > refresh.passed]
    if not ahead:
        return refresh.total
    return max(0, math.ceil(refresh.total * ahead[0] / 100) - (refresh.total - refresh.left))


def _was_last_checkpoint(refresh: Refresh) -> bool:
    points = _checkpoints(refresh)
    return bool(points) and refresh.passed >= points[-1]


def _succeed(turn: Turn, refresh: Refresh) -> None:
    if refresh.status == "RollbackInProgress":
        _end(turn, refresh, "RollbackSuccessful", refresh.reason)
        return
    if refresh.desired and refresh.desired.get("LaunchTemplate"):
        turn.group = turn.group.set(LaunchTemplate=dict(refresh.desired["LaunchTemplate"]))
    _end(turn, refresh, "Successful", "")


def _fail(turn: Turn, refresh: Refresh, why: str) -> None:
    if refresh.status != "RollbackInProgress" and refresh.preferences.get("AutoRollback"):
        turn.group = turn.group.note(rolled_back(refresh, why, turn.now))
        return
    _end(turn, refresh, _ENDS[refresh.status], why)


def rolled_back(refresh: Refresh, why: str, now: float) -> Refresh:
    """The refresh when it turns back: the group's own launch template is what is wanted again."""
    details = {
        "RollbackReason": why,
        "RollbackStartTime": now,
        "PercentageCompleteOnRollback": refresh.percentage,
        "InstancesToUpdateOnRollback": refresh.left,
    }
    return replace(refresh, status="RollbackInProgress", rollback=details, reason=why, total=-1)


def _end(turn: Turn, refresh: Refresh, status: str, why: str) -> None:
    turn.group = turn.group.note(replace(refresh, status=status, reason=why, ended=turn.now))
    _count_spares(turn)


def _count_spares(turn: Turn) -> None:
    """Without a refresh, whatever was launched beforehand is an instance like all others."""
    extra = [
        replace(each, spare=False) for each in turn.group.members if each.spare and each.serves
    ]
    turn.group = turn.group.put(*extra)
