"""What a group must do next. Pure."""

from __future__ import annotations

from provisimus.localcloud.scaling import capacity, health, members, refresh
from provisimus.localcloud.scaling.group import Group
from provisimus.localcloud.scaling.turn import Step, Turn, World


def decide(group: Group, world: World) -> tuple[Group | None, tuple[Step, ...]]:
    """The group after one look, and the steps to take; None when it is deleted and empty."""
    turn = Turn(group, world)
    members.advance(turn)
    health.check(turn)
    if not group.deleting:
        refresh.roll(turn)
    capacity.settle(turn)
    if turn.group.deleting and not turn.group.members:
        return None, ()
    return turn.group, tuple(turn.steps)
