"""What a machine.yaml says of the system around the containers: engine, updates, time, journal."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from provisimus.workspace.definitions.common import Definition, Mebibytes, Seconds
from provisimus.workspace.definitions.rules import after, limits

_DAY = 86_400


def _zone(value: str) -> str:
    if value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"{value!r} is no time zone — write one like Etc/UTC or Europe/Amsterdam")
    return value


Release = Annotated[str, limits(pattern=r"^[0-9][A-Za-z0-9.+~:-]*$")]
Server = Annotated[str, limits(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:-]*$")]


class Docker(Definition):
    """Which Docker a machine has: a version or the beginning of one, `20.10` or `20.10.24`.

    A base that brings another is refused while baking; None takes what the base has.
    """

    engine: Release | None = None
    compose: Release | None = None


class Updates(Definition):
    """Which updates of the base's packages are installed while baking.

    What is there to install differs from day to day, so a later day in `as_of` bakes anew.
    """

    install: Literal["none", "security", "all"] = "none"
    as_of: date | None = None
    unattended: bool = False
    """Whether running machines install security updates themselves, every day."""


class Time(Definition):
    zone: Annotated[str, limits(pattern=r"^[A-Za-z0-9/_+-]+$"), after(_zone)] = "Etc/UTC"
    servers: tuple[Server, ...] = ()
    """Where the time comes from; empty leaves it to the base (on AWS, Amazon's time service)."""


class Journal(Definition):
    size: Mebibytes = 200
    """MiB that the journal takes on the disk at most."""
    keep: Seconds = 30 * _DAY


class System(Definition):
    docker: Docker = Docker()
    updates: Updates = Updates()
    time: Time = Time()
    journal: Journal = Journal()
