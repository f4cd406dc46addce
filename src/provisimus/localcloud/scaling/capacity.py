"""As many instances as desired, spread over the zones. Pure.

Source: EC2 Auto Scaling user guide, "Example: Distribute instances across Availability Zones" and
"Suspend and resume Amazon EC2 Auto Scaling processes".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from provisimus.localcloud.scaling import words
from provisimus.localcloud.scaling.group import Group, Member, Shortage, Subnet
from provisimus.localcloud.scaling.termination import choose
from provisimus.localcloud.scaling.turn import Launch, Turn

FIRST_PAUSE, LONGEST_PAUSE = 5.0, 300.0
"""Seconds until a zone without capacity is tried again, doubling with each failure."""


def settle(turn: Turn) -> None:
    """Launch what is missing, take out what is too much, or even out the zones."""
    group = turn.group
    live = [each for each in group.members if counts(each)]
    wanted = 0 if group.deleting else group.desired
    if len(live) < wanted:
        _grow(turn, live, wanted)
    elif len(live) > wanted:
        _shrink(turn, live, wanted)
    else:
        turn.group = replace(group, why="")
        _balance(turn, live)


def counts(member: Member) -> bool:
    """Whether an instance is one of those desired; a spare is not, until it is in service."""
    return (member.coming or member.serves) and not member.spare


def _grow(turn: Turn, live: list[Member], wanted: int) -> None:
    group = turn.group
    if not group.does("Launch"):
        return
    spread = Counter(each.zone for each in group.members if each.coming or each.serves)
    replacing = [each for each in group.members if each.going and each.health == "Unhealthy"]
    refresh = group.refresh
    for number in range(len(live), wanted):
        subnet = place(group.subnets, spread, group.shortages, turn.now)
        if subnet is None:
            return
        spread[subnet.zone] += 1
        if refresh is not None and not group.why and not replacing:
            cause = words.refreshing(turn.now)
        elif replacing and not group.why:
            cause = words.replaces(turn.now)
        else:
            cause = words.grows(turn.now, number, wanted, group.why)
        turn.steps.append(Launch(subnet, cause))


def place(
    subnets: Sequence[Subnet],
    spread: Mapping[str, int],
    shortages: Mapping[str, Shortage],
    now: float,
) -> Subnet | None:
    """The subnet for the next instance: in the emptiest zone of those that have capacity."""
    able = [
        each for each in subnets if each.zone not in shortages or shortages[each.zone].until <= now
    ]
    if not able:
        return None
    return min(able, key=lambda each: spread.get(each.zone, 0))


def _shrink(turn: Turn, live: list[Member], wanted: int) -> None:
    group = turn.group
    if not group.does("Terminate"):
        return
    refresh = group.refresh
    while len(live) > wanted:
        if group.deleting:
            gone: Member | None = live[0]
        else:
            stale = [e for e in live if refresh is not None and e.id not in refresh.fresh]
            policies = group.settings.get("TerminationPolicies") or ()
            gone = choose(stale or live, policies, turn.world.version, turn.now)
        if gone is None:
            return
        cause = words.shrinks(turn.now, len(live), len(live) - 1, group.why, gone.id)
        turn.take_out(gone, cause)
        live = [each for each in live if each.id != gone.id]


def _balance(turn: Turn, live: list[Member]) -> None:
    """Where one zone has two more than another, first launch there, then let the fullest shrink."""
    group = turn.group
    if not (group.does("AZRebalance") and group.does("Launch") and group.does("Terminate")):
        return
    if group.refresh is not None or any(not each.serves for each in group.members):
        return
    spread = Counter(dict.fromkeys(group.zones, 0))
    spread.update(each.zone for each in live)
    subnet = place(group.subnets, spread, group.shortages, turn.now)
    if subnet is not None and max(spread.values()) - spread[subnet.zone] > 1:
        turn.steps.append(Launch(subnet, words.rebalanced(turn.now), spare=True))


def short(group: Group, zone: str, now: float, pace: float) -> Group:
    """The group when a launch failed in a zone: it is left alone for a while."""
    known = group.shortages.get(zone)
    failures = known.failures + 1 if known else 1
    pause = min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE) * pace
    return replace(group, shortages={**group.shortages, zone: Shortage(failures, now + pause)})
