"""What is known of a DB instance beside moto's record; pickled with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Local:
    """Of one DB instance."""

    folder: str
    """The name of its data: the DbiResourceId in small letters."""
    subnet: str
    verifier: str = ""
    """Of the master password, which itself is kept nowhere."""
    interface: str | None = None
    applied: dict[str, str] = field(default_factory=dict)
    """The parameters that it runs with."""
    made: bool = False
    """Whether its data is whole."""
    copy_of: str | None = None
    """The copy that it is made from, where it is."""
    looked: datetime | None = None
    """Until when all backups that were due were begun."""
    rotated: datetime | None = None
    """When its managed password became what it is, or was first looked at."""
    failure: str | None = None
    """What went wrong last."""
    pending: dict[str, object] = field(default_factory=dict)
    """What was asked for and waits for the maintenance window, by moto's names."""


def wanted_parameters(group: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """What a parameter group (moto's) sets, by name."""
    return {
        name: str(each["ParameterValue"])
        for name, each in group.items()
        if each.get("ParameterValue") is not None
    }


def applied_now(
    applied: Mapping[str, str], wanted: Mapping[str, str], immediate: frozenset[str]
) -> dict[str, str]:
    """The parameters that it runs with after a change of which only some take effect at once."""
    kept = {name: value for name, value in applied.items() if name not in immediate}
    return {**kept, **{name: wanted[name] for name in immediate if name in wanted}}


def group_status(applied: Mapping[str, str], wanted: Mapping[str, str]) -> str:
    """The ParameterApplyStatus."""
    return "in-sync" if dict(applied) == dict(wanted) else "pending-reboot"
