"""Signals that a resource waits for before it is complete. Pure.

Source: CloudFormation user guide, "CreationPolicy attribute"; API reference of SignalResource.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.cloudformation.errors import (
    ResourceFailed,
    ValidationError,
    unsupported,
)

LONGEST = 12 * 3600
_KNOWN = {
    "ResourceSignal": ("Count", "Timeout"),
    "AutoScalingCreationPolicy": ("MinSuccessfulInstancesPercent",),
}
_DURATION = re.compile(r"PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?")


@dataclass(frozen=True)
class Awaited:
    """How many signals a resource needs, how many percent of success, within how many seconds."""

    count: int = 1
    seconds: int = 300
    percent: int = 100


@dataclass(frozen=True)
class Signal:
    """One that came; ``unique_id`` is the sender's choice, usually its instance id."""

    unique_id: str
    status: str


def check_policy(logical_id: str, policy: Any) -> Mapping[str, Any]:
    """A CreationPolicy as written; raises ValidationError for what is not known here."""
    if not isinstance(policy, Mapping):
        raise ValidationError(
            f"Template format error: [/Resources/{logical_id}/CreationPolicy] 'expected object'."
        )
    for key, inner in policy.items():
        if key not in _KNOWN:
            raise unsupported(f"CreationPolicy/{key} of resource {logical_id}")
        for each in inner or ():
            if each not in _KNOWN[key]:
                raise unsupported(f"CreationPolicy/{key}/{each} of resource {logical_id}")
    return policy


def awaited(policy: Mapping[str, Any]) -> Awaited | None:
    """What an evaluated CreationPolicy asks for; raises ValidationError."""
    if "ResourceSignal" not in policy:
        return None
    wanted = policy["ResourceSignal"] or {}
    count = str(wanted.get("Count", 1))
    if not count.isdecimal():
        raise ValidationError(f"CreationPolicy: Count must be a whole number, not {count}")
    group = policy.get("AutoScalingCreationPolicy") or {}
    percent = int(group.get("MinSuccessfulInstancesPercent", 100))
    return Awaited(int(count), seconds(str(wanted.get("Timeout", "PT5M"))), percent)


def seconds(duration: str) -> int:
    """Seconds of a PT#H#M#S; raises ValidationError when it is none or longer than 12 hours."""
    found = _DURATION.fullmatch(duration)
    if found is None:
        raise ValidationError(
            f"CreationPolicy: Timeout {duration} is not in ISO8601 duration format: PT#H#M#S"
        )
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    total = hours * 3600 + minutes * 60 + rest
    if total > LONGEST:
        raise ValidationError(f"CreationPolicy: Timeout {duration} is longer than PT12H")
    return total


def received(signal: Signal) -> str:
    """The reason that a signal's event carries."""
    return f"Received {signal.status} signal with UniqueId {signal.unique_id}"


def with_signal(logical_id: str, known: Iterable[Signal], signal: Signal) -> tuple[Signal, ...]:
    """The signals with one more; a failure takes the place of a success of the same sender.

    Raises ValidationError when that sender's signal is there already.
    """
    others = tuple(each for each in known if each.unique_id != signal.unique_id)
    if len(others) < len(tuple(known)) and signal.status != "FAILURE":
        raise ValidationError(
            f"Signal with ID {signal.unique_id} for resource {logical_id} already exists. Signals "
            "may only be updated with a FAILURE status."
        )
    return (*others, signal)


def enough(wanted: Awaited, came: Iterable[Signal], waited: float) -> bool:
    """Whether the resource is complete after that many seconds.

    Raises ResourceFailed when a sender has failed, or time is over.
    """
    signals = tuple(came)
    if wanted.percent < 100:
        return _enough_of(wanted, signals, waited)
    failed = next((each for each in signals if each.status == "FAILURE"), None)
    if failed is not None:
        raise ResourceFailed(received(failed))
    missing = wanted.count - len(signals)
    if missing > 0 and waited >= wanted.seconds:
        raise ResourceFailed(
            f"Failed to receive {missing} resource signal(s) within the specified duration"
        )
    return missing <= 0


def _enough_of(wanted: Awaited, signals: tuple[Signal, ...], waited: float) -> bool:
    """Where some may fail; a signal that does not come in time is a failure."""
    well = sum(1 for each in signals if each.status == "SUCCESS")
    sick = len(signals) - well if waited < wanted.seconds else wanted.count - well
    if 100 * (wanted.count - sick) < wanted.percent * wanted.count:
        raise ResourceFailed(unsatisfied(sick, wanted.count, wanted.percent))
    return len(signals) >= wanted.count or waited >= wanted.seconds


def unsatisfied(failures: int, count: int, percent: int) -> str:
    return (
        f"Received {failures} FAILURE signal(s) out of {count}. Unable to satisfy {percent}% "
        "MinSuccessfulInstancesPercent requirement"
    )
