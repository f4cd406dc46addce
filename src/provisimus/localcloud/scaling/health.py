"""Which instances are healthy, and the end of those that are not. Pure.

An instance that does not run is replaced at once; what status checks and balancers say counts when
the grace period, which begins with its service, is over. Only a balancer's `unhealthy` counts: a
target that is unused or not yet looked at is neither.

Source: EC2 Auto Scaling user guide, "Health checks for instances in an Auto Scaling group" and "Set
the health check grace period for an Auto Scaling group".
"""

from __future__ import annotations

from dataclasses import replace

from provisimus.localcloud.scaling import words
from provisimus.localcloud.scaling.group import Group, Member
from provisimus.localcloud.scaling.members import NOT_RUNNING
from provisimus.localcloud.scaling.turn import Seen, Turn

STATUS_CHECKS = "EC2 instance status checks failure"
BALANCER = "an ELB system health check failure"
BY_USER = "a user health-check"


def check(turn: Turn) -> None:
    """Mark what is sick, then take it out of service."""
    if turn.group.does("HealthCheck"):
        for member in turn.group.members:
            reason = complaint(turn.group, member, turn.seen(member), turn.now)
            if reason and member.health == "Healthy":
                turn.group = turn.group.put(replace(member, health="Unhealthy", sick=reason))
    if turn.group.does("ReplaceUnhealthy") and turn.group.does("Terminate"):
        for member in turn.group.members:
            if member.serves and member.health == "Unhealthy":
                turn.take_out(member, words.sick(turn.now, member.sick))


def complaint(group: Group, member: Member, seen: Seen, now: float) -> str:
    """Why an instance in service is sick; empty when it is not."""
    if not member.serves:
        return ""
    if seen.state not in ("pending", "running"):
        return NOT_RUNNING
    if now - member.in_service < grace(group):
        return ""
    if seen.impaired:
        return STATUS_CHECKS
    if group.settings.get("HealthCheckType", "EC2") == "ELB" and "unhealthy" in seen.targets:
        return BALANCER
    return ""


def grace(group: Group) -> float:
    return float(group.settings.get("HealthCheckGracePeriod") or 0)


def say(group: Group, member: Member, status: str, now: float, *, heed_grace: bool) -> Group:
    """The group when somebody told the health of an instance (SetInstanceHealth)."""
    if status == "Healthy":
        return group.put(replace(member, health=status, sick=""))
    if heed_grace and now - (member.in_service or now) < grace(group):
        return group
    return group.put(replace(member, health=status, sick=BY_USER))
