"""Type `database`: one PostgreSQL or MySQL of Amazon RDS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, ClassVar, Literal

from provisimus.workspace.definitions.common import Definition, Gibibytes, Misfit, Seconds
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import (
    Cidr,
    SpreadUse,
    StackDefinition,
    Use,
    arn_of,
    used_by_network,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = 30
"""Minutes of a window: the least that RDS takes (CreateDBInstance, PreferredBackupWindow)."""

RESERVED = frozenset(["admin", "postgres", "public", "rdsadmin", "root", "rds_superuser", "user"])
"""Names of users that an engine or RDS keeps for itself."""


def _minutes(value: str) -> int:
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value)
    if not found:
        raise ValueError(f"{value!r} is no time of day — write 02:30, in UTC")
    return int(found[1]) * 60 + int(found[2])


def _time(value: str) -> str:
    _minutes(value)
    return value


def _moment(value: str) -> str:
    day, _, time = value.partition(" ")
    if day not in DAYS:
        raise ValueError(f"{value!r} is no moment of a week — write sun 03:30, in UTC")
    return f"{day} {_time(time)}"


def _class(value: str) -> str:
    if not re.fullmatch(r"db\.[a-z0-9]+\.[a-z0-9]+", value):
        raise ValueError(f"{value!r} is no instance class — write db.t4g.medium")
    return value


def _label(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,62}", value):
        raise ValueError(
            f"{value!r} is no name here — use small letters, digits and underscores, 63 at most"
        )
    return value


Label = Annotated[str, after(_label)]


class Storage(Definition):
    size: Gibibytes = 20
    max: Gibibytes | None = None
    """Up to which it grows by itself."""

    def __post_init__(self) -> None:
        if self.size < 20:
            raise Misfit("RDS gives 20 GiB at least", "size")
        if self.max is not None and self.max * 10 < self.size * 11:
            raise Misfit(
                f"it must be a tenth more than {self.size} GiB at least, or RDS does not grow it",
                "max",
            )


class Backups(Definition):
    """Every night, and the log of all changes: any moment of the last days can be restored."""

    keep: Seconds = 14 * 86400
    at: Annotated[str, after(_time)] = "02:00"
    """UTC."""

    def __post_init__(self) -> None:
        if self.keep % 86400 or not 1 <= self.keep // 86400 <= 35:
            raise Misfit("backups are kept for whole days, 1d to 35d", "keep")


class DatabaseAlarms(Definition):
    cpu: Annotated[int, limits(ge=1, le=100)] = 90
    """Percent."""
    storage: Annotated[int, limits(ge=1, le=90)] = 15
    """Percent of `storage.size` that is left."""
    connections: Annotated[int, limits(ge=1)] | None = None
    notify: tuple[Annotated[str, after(arn_of("sns"))], ...] = ()
    """ARNs of SNS topics."""


class DatabaseDefinition(StackDefinition):
    several_zones: ClassVar[bool] = True

    engine: Literal["postgres", "mysql"] = "postgres"
    engine_version: Annotated[str, limits(pattern=r"^\d+(\.\d+){0,2}$")] = "17"
    """A major version (MySQL: 8.0, 8.4), or a whole one."""
    network: SpreadUse = "default"
    """`default`, a stack of type network (its data subnets), or {vpc: vpc-…, subnets: […]}."""
    instance_class: Annotated[str, after(_class)] = "db.t4g.small"
    storage: Storage = Storage()
    name: Label | None = None
    """Of the first database; without one, the stack's own name."""
    user: Label = "owner"
    """Who owns it. RDS makes the password, keeps it in a secret and changes it every week."""
    standby: bool = False
    """A second one in another zone takes over when the first fails."""
    backups: Backups = Backups()
    maintenance: Annotated[str, after(_moment)] = "sun 03:30"
    """When it may be away for a few minutes, UTC."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Of the engine."""
    clients: tuple[Cidr, ...] = ()
    """Networks that may reach it, beside the stacks that name it."""
    protect: bool = True
    """It cannot be deleted before this is false and applied."""
    restore: str | None = None
    """A snapshot to begin with. It must stay here afterwards: without it, RDS makes a new one."""
    alarms: DatabaseAlarms = DatabaseAlarms()

    def __post_init__(self) -> None:
        super().__post_init__()
        parts = self.engine_version.split(".")
        if self.engine == "mysql" and len(parts) < 2:
            raise Misfit("a version of MySQL has two parts at least — write 8.4", "engine_version")
        if self.engine == "postgres" and int(parts[0]) < 10:
            raise Misfit("PostgreSQL before 10 is no longer to be had", "engine_version")
        if self.user in RESERVED:
            raise Misfit(f"{self.user!r} is kept by the engine — choose another", "user")
        apart = abs(_minutes(self.backups.at) - _minutes(self.maintenance.partition(" ")[2]))
        if min(apart, 24 * 60 - apart) < WINDOW:
            raise Misfit(
                f"maintenance at {self.maintenance} overlaps the backups at {self.backups.at} — "
                "leave half an hour",
                "maintenance",
            )

    def uses(self) -> Iterator[Use]:
        yield from used_by_network(self.network, "Data")

    @property
    def port(self) -> int:
        return 5432 if self.engine == "postgres" else 3306

    @property
    def family(self) -> str:
        """Of its parameter group: `postgres16`, `mysql8.4`."""
        parts = self.engine_version.split(".")
        return self.engine + ".".join(parts[: 1 if self.engine == "postgres" else 2])


DEFINITION = DatabaseDefinition
