"""Type `database`: one PostgreSQL or MySQL of Amazon RDS."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import field
from typing import Annotated, ClassVar, Literal

from provisimus.workspace.definitions.aws_names import Topics
from provisimus.workspace.definitions.common import Definition, Gibibytes, Misfit, Seconds
from provisimus.workspace.definitions.rules import after, limits
from provisimus.workspace.definitions.stack import (
    InNetwork,
    Place,
    Sources,
    Spread,
    SpreadUse,
    StackDefinition,
    Use,
    network_used,
    used_by_network,
)

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WINDOW = 30
"""Minutes of a window: the least that RDS takes (CreateDBInstance, PreferredBackupWindow)."""

LARGEST = 65_536
"""GiB of a database's storage ("General Purpose SSD storage", PostgreSQL and MySQL)."""

RESERVED = frozenset(["admin", "postgres", "public", "rdsadmin", "root", "rds_superuser", "user"])
"""Names of users that an engine or RDS keeps for itself."""
TAKEN = frozenset(
    [
        "information_schema",
        "innodb",
        "mysql",
        "performance_schema",
        "rdsadmin",
        "sys",
        "template0",
        "template1",
    ]
)
"""Names of databases that an engine or RDS has already."""
USER_OF_MYSQL = 16
"""Characters of a user's name in RDS for MySQL (CreateDBInstance, MasterUsername)."""


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


def _snapshot(value: str) -> str:
    """CreateDBSnapshot, DBSnapshotIdentifier; those that RDS takes by itself begin with `rds:`."""
    name = re.sub(r"^(arn:aws[a-z-]*:rds:[a-z0-9-]+:\d{12}:snapshot:)?(rds:)?", "", value)
    if not re.fullmatch(r"[A-Za-z](-?[A-Za-z0-9])*", name) or len(name) > 255:
        raise ValueError(f"{value!r} names no snapshot — write rds:orders-2030-01-02, or its ARN")
    return value


class Storage(Definition):
    size: Gibibytes = 20
    max: Gibibytes | None = None
    """Up to which it grows by itself."""

    def __post_init__(self) -> None:
        if self.size < 20:
            raise Misfit("RDS gives 20 GiB at least", "size")
        for key in ("size", "max"):
            if (getattr(self, key) or 0) > LARGEST:
                raise Misfit(f"RDS gives {LARGEST // 1024} TiB at most", key)
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
    notify: Topics = ()
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
    clients: Sources = ()
    """Networks that may reach it, beside the stacks that name it."""
    protect: bool = True
    """It cannot be deleted before this is false and applied."""
    restore: Annotated[str, after(_snapshot)] | None = None
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
        if self.engine == "mysql" and len(self.user) > USER_OF_MYSQL:
            raise Misfit(
                f"a user of MySQL has {USER_OF_MYSQL} characters at most — shorten it", "user"
            )
        if self.name in TAKEN:
            raise Misfit(f"{self.name!r} is a database of the engine's — choose another", "name")
        if not 1 <= len(self.engine_version.split(".")[0]) <= 2:
            raise Misfit("there is no such version", "engine_version")
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


def reach_misfits(
    network: str | InNetwork | Place | Spread, database: StackDefinition | None, *key: str | int
) -> Iterator[Misfit]:
    """Where a machine in a network would wear the client group of a database in another one: a
    security group is known in its own VPC alone."""
    if not isinstance(database, DatabaseDefinition):
        return
    here, there = _place(network), _place(database.network)
    # Which network of ours a VPC named by its id is, no file says.
    if (
        here != there
        and here.startswith("vpc-") == there.startswith("vpc-")
        and "${" not in here + there
    ):
        yield Misfit(
            f"the database is in the network {there}, this stack in {here}: a security group "
            "reaches no further — put both into one",
            *key,
        )


def _place(network: str | InNetwork | Place | Spread) -> str:
    """The name of a network, else what names a VPC."""
    if isinstance(network, (Place, Spread)):
        return network.vpc
    return network_used(network) or "default"


DEFINITION = DatabaseDefinition
