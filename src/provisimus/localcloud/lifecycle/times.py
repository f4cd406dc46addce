"""When a schedule is due, and which of its snapshots are too many or too old. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from provisimus.localcloud.lifecycle.rules import UNITS

BEGINS = "09:00"
"""UTC, where a schedule says no time."""


class Taken(NamedTuple):
    """A snapshot of one volume."""

    identifier: str
    started: datetime


def is_due(rule: Mapping[str, Any], after: datetime, now: datetime) -> bool:
    """Whether a CreateRule names a moment later than one and not later than the other.

    From its time of day on, every so many hours; the count begins anew each day.
    """
    hour, minute = map(int, (rule.get("Times") or [BEGINS])[0].split(":"))
    interval = timedelta(hours=int(rule["Interval"]))
    moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if moment > now:
        moment -= timedelta(days=1)
    moment += interval * ((now - moment) // interval)
    return after < moment


def outdated(rule: Mapping[str, Any], taken: Sequence[Taken], now: datetime) -> tuple[str, ...]:
    """The snapshots of one volume that a RetainRule keeps no longer, the oldest first."""
    ordered = sorted(taken, key=lambda each: (each.started, each.identifier))
    if rule.get("Count"):
        return tuple(each.identifier for each in ordered[: -int(rule["Count"])])
    kept = timedelta(days=int(rule["Interval"]) * UNITS[rule["IntervalUnit"]])
    return tuple(each.identifier for each in ordered if now - each.started > kept)
