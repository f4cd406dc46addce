"""What a lifecycle policy may say. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SNAPSHOTS = "EBS_SNAPSHOT_MANAGEMENT"
INTERVALS = (1, 2, 3, 4, 6, 8, 12, 24)
UNITS = {"DAYS": 1, "WEEKS": 7, "MONTHS": 30, "YEARS": 365}
"""Days that something is kept."""
MOST_SCHEDULES, MOST_COUNT = 4, 1000
_DETAILS = frozenset(
    {"PolicyType", "PolicyLanguage", "ResourceLocations", "ResourceTypes", "TargetTags",
     "Schedules", "Parameters"}
)  # fmt: skip
_SCHEDULE = frozenset({"CopyTags", "CreateRule", "Name", "RetainRule", "TagsToAdd"})


class RefusedError(Exception):
    """An error of the API: its code and text."""

    def __init__(self, text: str, code: str = "InvalidRequestException") -> None:
        super().__init__(text)
        self.code = code


def check(policy: Mapping[str, Any]) -> None:
    """Whether it can be kept and done. Raises RefusedError."""
    for name in ("ExecutionRoleArn", "Description", "PolicyDetails"):
        if not policy.get(name):
            raise RefusedError(f"Invalid request: {name} is required.")
    if policy.get("State") not in ("ENABLED", "DISABLED"):
        raise RefusedError("Invalid request: State is ENABLED or DISABLED.")
    if policy.get("DefaultPolicy"):
        raise RefusedError("Default policies are not simulated: name PolicyDetails.")
    details = policy["PolicyDetails"]
    _check_names(details, _DETAILS, "PolicyDetails")
    if details.get("PolicyType", SNAPSHOTS) != SNAPSHOTS:
        raise RefusedError(f"Policies of type {details['PolicyType']} are not simulated.")
    if details.get("PolicyLanguage", "STANDARD") != "STANDARD":
        raise RefusedError("Default policies are not simulated.")
    if details.get("ResourceTypes") not in (["VOLUME"], ["INSTANCE"]):
        raise RefusedError("Invalid request: ResourceTypes is one of VOLUME and INSTANCE.")
    if details.get("ResourceLocations", ["CLOUD"]) != ["CLOUD"]:
        raise RefusedError("ResourceLocations other than CLOUD are not simulated.")
    if not details.get("TargetTags"):
        raise RefusedError("Invalid request: TargetTags is required.")
    _check_names(details.get("Parameters", {}), frozenset({"ExcludeBootVolume"}), "Parameters")
    schedules = details.get("Schedules") or []
    if not 1 <= len(schedules) <= MOST_SCHEDULES:
        raise RefusedError(f"Invalid request: there are 1 to {MOST_SCHEDULES} Schedules.")
    names = [each.get("Name") for each in schedules]
    if len(set(names)) < len(names) or not all(names):
        raise RefusedError("Invalid request: each of the Schedules has a Name of its own.")
    for each in schedules:
        _check_schedule(each)


def _check_schedule(schedule: Mapping[str, Any]) -> None:
    _check_names(schedule, _SCHEDULE, "a schedule")
    create, retain = schedule.get("CreateRule", {}), schedule.get("RetainRule", {})
    _check_names(create, frozenset({"Interval", "IntervalUnit", "Location", "Times"}), "CreateRule")
    if create.get("Location", "CLOUD") != "CLOUD":
        raise RefusedError("Locations other than CLOUD are not simulated.")
    if create.get("Interval") not in INTERVALS or create.get("IntervalUnit") != "HOURS":
        raise RefusedError(
            f"Invalid request: Interval is one of {', '.join(map(str, INTERVALS))} HOURS."
        )
    times = create.get("Times", [])
    if len(times) > 1 or not all(re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", t) for t in times):
        raise RefusedError("Invalid request: Times is one time of day, hh:mm in UTC.")
    _check_names(retain, frozenset({"Count", "Interval", "IntervalUnit"}), "RetainRule")
    if bool(retain.get("Count")) == bool(retain.get("Interval")):
        raise RefusedError("Invalid request: RetainRule has either a Count or an Interval.")
    if retain.get("Count") and not 1 <= int(retain["Count"]) <= MOST_COUNT:
        raise RefusedError(f"Invalid request: Count is 1 to {MOST_COUNT}.")
    if retain.get("Interval") and retain.get("IntervalUnit") not in UNITS:
        raise RefusedError(f"Invalid request: IntervalUnit is one of {', '.join(UNITS)}.")


def _check_names(given: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    stray = sorted(key for key, value in given.items() if key not in known and value)
    if stray:
        raise RefusedError(f"{', '.join(stray)} of {where} is not simulated.")
