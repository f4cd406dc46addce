"""The password of a database that RDS manages: whom another one concerns, and another one now.

Source: "Password management with Amazon RDS and AWS Secrets Manager" in the RDS User Guide. Values
are neither read nor told here.
"""

from __future__ import annotations

from dataclasses import dataclass

from provisimus.aws import speaking
from provisimus.environment import Environment
from provisimus.errors import NotFound, ProvisimusError, Refused, StillRunning, UsageFault
from provisimus.events import Tell, step
from provisimus.model import Stack
from provisimus.stacks.follow import Deadline, Pace
from provisimus.stacks.live import MACHINE, SERVICE
from provisimus.stacks.names import find_of
from provisimus.stacks.users import users_of
from provisimus.workspace.definitions.stacks.database import DatabaseDefinition
from provisimus.workspace.workspace import Workspace

AVAILABLE = "available"
TAKEN = "SecretArn"
"""The output of the stack type `database` with which another stack asks for the password."""


@dataclass(frozen=True)
class ManagedPassword:
    """The password of a DB instance. `version` is that of its secret which counts now."""

    instance: str
    status: str
    secret: str
    phase: str
    """Of the secret: creating, active, rotating or impaired."""
    version: str


@dataclass(frozen=True)
class PasswordUsers:
    """The services that take the password. `machines` ask for it again by themselves, `others` are
    stacks without a machine of ours."""

    machines: tuple[str, ...]
    others: tuple[str, ...]


def database_stack(workspace: Workspace, environment: Environment, service: str) -> Stack:
    """The stack of a database. Raises UsageFault for one of another type, NotFound."""
    definition = workspace.stack(service, environment.name)
    if not isinstance(definition, DatabaseDefinition):
        raise UsageFault(
            f"{service} is of type {definition.type}, and has no password that RDS manages",
            where=str(workspace.stacks / f"{service}.yaml"),
            hint="name a stack of type database",
        )
    stack = find_of(workspace, environment, service)
    if stack is None or "DatabaseId" not in stack.outputs:
        raise NotFound(
            f"there is no database of {service} in {environment.name}",
            hint=f"make it first: provisimus stack apply {service}",
        )
    return stack


def find_password(environment: Environment, instance: str) -> ManagedPassword:
    """Raises Refused for an instance whose password RDS does not manage."""
    cloud = environment.cloud
    with speaking(cloud, f"describe the DB instance {instance}"):
        (found,) = cloud.rds.describe_db_instances(DBInstanceIdentifier=instance)["DBInstances"]
    managed = found.get("MasterUserSecret")
    if not managed:
        raise Refused(
            f"RDS does not manage the password of {instance}",
            hint="somebody changed that by other means: provisimus stack drift shows it",
        )
    with speaking(cloud, f"describe the secret of {instance}"):
        secret = cloud.secrets.describe_secret(SecretId=managed["SecretArn"])
    stages = secret.get("VersionIdsToStages", {})
    current = [version for version, names in stages.items() if "AWSCURRENT" in names]
    return ManagedPassword(
        instance,
        found["DBInstanceStatus"],
        managed["SecretArn"],
        managed.get("SecretStatus", ""),
        current[0] if current else "",
    )


def find_users(environment: Environment, stack: Stack, project: str, service: str) -> PasswordUsers:
    """Who takes the password of this database, by the stacks that there are."""
    used = users_of(environment, stack, project, service, {TAKEN})
    named = {(each.tags.get(SERVICE, each.name), MACHINE in each.tags) for each, _ in used}
    return PasswordUsers(
        tuple(sorted(name for name, machine in named if machine)),
        tuple(sorted(name for name, machine in named if not machine)),
    )


def check_rotation(password: ManagedPassword) -> None:
    """Raises Refused where RDS would not rotate it now."""
    if password.status != AVAILABLE:
        raise Refused(
            f"{password.instance} is {password.status}, so its password cannot be rotated now",
            hint="run the same command when it is available",
        )


def rotate_password(
    environment: Environment, before: ManagedPassword, tell: Tell, deadline: Deadline
) -> ManagedPassword:
    """Returns what it is then. Raises StillRunning; ProvisimusError when RDS could not do it."""
    cloud = environment.cloud
    cloud.check_account()
    with step(tell, f"rotate the password of {before.instance}", "asked for") as outcome:
        with speaking(cloud, f"rotate the password of {before.instance}"):
            cloud.rds.modify_db_instance(
                DBInstanceIdentifier=before.instance,
                RotateMasterUserPassword=True,
                ApplyImmediately=True,
            )
        pace = Pace(environment)
        while not is_rotated(before, after := find_password(environment, before.instance)):
            if after.phase == "impaired" != before.phase:
                raise ProvisimusError(
                    f"RDS could not rotate the password of {before.instance}",
                    where=before.secret,
                    hint="see: aws rds describe-events; the key of the secret may not be usable",
                )
            if deadline.passed:
                raise StillRunning(f"{before.instance} is still {after.status}")
            pace.pause()
        outcome.result = "another one"
    return after


def is_rotated(before: ManagedPassword, after: ManagedPassword) -> bool:
    """Whether the server takes another password, and the secret holds it. Pure."""
    settled = after.status == AVAILABLE and after.phase in ("active", "")
    return settled and after.version not in ("", before.version)
