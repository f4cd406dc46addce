"""Another password of a database: when it is there, and who is told what."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from provisimus.aws import Cloud
from provisimus.cli.database import users_told
from provisimus.environment import Environment
from provisimus.errors import ProvisimusError, Refused, StillRunning
from provisimus.events import silence
from provisimus.stacks.follow import Deadline
from provisimus.tasks.passwords import (
    ManagedPassword,
    PasswordUsers,
    check_rotation,
    find_password,
    is_rotated,
    rotate_password,
)

BEFORE = ManagedPassword("db-1", "available", "arn:secret", "active", "v1")


@pytest.mark.parametrize(
    ("change", "rotated"),
    [
        ({}, False),
        ({"version": "v2"}, True),
        ({"version": ""}, False),
        ({"version": "v2", "phase": "rotating"}, False),
        ({"version": "v2", "status": "modifying"}, False),
        ({"status": "resetting-master-credentials"}, False),
    ],
)
def test_it_is_rotated_when_server_and_secret_have_the_new_one(
    change: dict[str, str], rotated: bool
) -> None:
    assert is_rotated(BEFORE, replace(BEFORE, **change)) is rotated


def test_only_one_that_is_available_can_be_rotated() -> None:
    check_rotation(BEFORE)
    with pytest.raises(Refused, match="db-1 is stopped"):
        check_rotation(replace(BEFORE, status="stopped"))


def test_who_uses_it_is_told_what_becomes_of_them() -> None:
    assert users_told(PasswordUsers(("cart", "greeter"), ("report",)), 300) == [
        "taken over within 5 minutes, by a restart each: cart, greeter",
        "to be seen to by hand, for no machine asks again: report",
    ]
    assert users_told(PasswordUsers((), ()), 300) == [
        "no stack of this project takes it; whoever else has it needs the new one"
    ]


@dataclass
class Rds:
    """An RDS that goes through phases of a secret, a question each; the last one stays."""

    phases: list[str | None]
    asked: list[dict[str, Any]] = field(default_factory=list)

    def describe_db_instances(self, **_: Any) -> Any:
        phase = self.phases.pop(0) if len(self.phases) > 1 else self.phases[0]
        secret = {"SecretArn": "arn:secret", "SecretStatus": phase}
        told = {"DBInstanceStatus": "available", **({"MasterUserSecret": secret} if phase else {})}
        return {"DBInstances": [told]}

    def modify_db_instance(self, **given: Any) -> None:
        self.asked.append(given)

    def describe_secret(self, **_: Any) -> Any:
        done = self.phases == ["active"]
        stages = {"v1": "AWSPREVIOUS", "v2": "AWSCURRENT"} if done else {"v1": "AWSCURRENT"}
        return {"VersionIdsToStages": {version: [stage] for version, stage in stages.items()}}

    def get_caller_identity(self) -> Any:
        return {"Account": "1", "Arn": "arn:me"}


def place_of(rds: Rds) -> Environment:
    cloud = Cloud("eu-west-1", None, "http://127.0.0.1:1")
    cloud.__dict__.update(rds=rds, secrets=rds, sts=rds)
    return Environment("local", cloud, "")


def test_it_is_asked_for_at_once_and_waited_for() -> None:
    rds = Rds(["active", "rotating", "rotating", "active"])
    after = rotate_password(place_of(rds), BEFORE, silence, Deadline.after(30))
    assert rds.asked == [
        {"DBInstanceIdentifier": "db-1", "RotateMasterUserPassword": True, "ApplyImmediately": True}
    ]
    assert (after.version, rds.phases) == ("v2", ["active"])


def test_what_rds_cannot_do_and_what_takes_too_long_is_told() -> None:
    with pytest.raises(ProvisimusError, match="RDS could not rotate the password of db-1"):
        rotate_password(place_of(Rds(["rotating", "impaired"])), BEFORE, silence, Deadline.after(9))
    with pytest.raises(StillRunning):
        rotate_password(place_of(Rds(["rotating"])), BEFORE, silence, Deadline.after(0))
    with pytest.raises(Refused, match="RDS does not manage the password of db-1"):
        find_password(place_of(Rds([None])), "db-1")
