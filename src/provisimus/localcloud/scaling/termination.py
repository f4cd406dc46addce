"""Which instance goes when a group shrinks. Pure.

Source: EC2 Auto Scaling user guide, "Configure termination policies for Amazon EC2 Auto Scaling":
the zone with the most instances first, where there is one; then the policies in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from provisimus.localcloud.scaling.group import Member, Version

POLICIES = (
    "Default", "OldestInstance", "NewestInstance", "OldestLaunchTemplate",
    "OldestLaunchConfiguration", "ClosestToNextInstanceHour", "AllocationStrategy",
)  # fmt: skip
_HOUR = 3600


def choose(
    members: Sequence[Member], policies: Sequence[str], current: Version, now: float
) -> Member | None:
    """Of the members that may go, the one that goes; those protected from scale-in do not."""
    able = [each for each in members if not each.protected]
    if not able:
        return None
    zones = Counter(each.zone for each in members)
    fullest = max(zones[each.zone] for each in able)
    able = [each for each in able if zones[each.zone] == fullest]
    # One that is not in service yet goes before one that is.
    able = [each for each in able if not each.serves] or able
    for policy in policies or ("Default",):
        able = _narrow(able, policy, current, now)
    return min(able, key=lambda each: (each.launched, each.id))


def _narrow(able: list[Member], policy: str, current: Version, now: float) -> list[Member]:
    match policy:
        case "OldestInstance":
            return [min(able, key=lambda each: each.launched)]
        case "NewestInstance":
            return [max(able, key=lambda each: each.launched)]
        case "OldestLaunchTemplate":
            return _oldest_version(able, current)
        case "ClosestToNextInstanceHour":
            return [min(able, key=lambda each: _HOUR - (now - each.launched) % _HOUR)]
        case "Default":
            narrowed = _oldest_version(able, current)
            return [min(narrowed, key=lambda each: _HOUR - (now - each.launched) % _HOUR)]
        case _:  # by launch configuration and by allocation strategy: there are none here
            return able


def _oldest_version(able: list[Member], current: Version) -> list[Member]:
    others = [each for each in able if each.version.template != current.template]
    if others:
        return others
    oldest = min(int(each.version.number) for each in able)
    return [each for each in able if int(each.version.number) == oldest]
