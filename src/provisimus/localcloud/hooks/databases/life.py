"""The slow work of DB instances: each has one worker, which does it in the order asked.

A call changes the state to the one in between and returns; what is here makes it true, or says
that it could not be. States: "Viewing Amazon RDS DB instance status" in the RDS User Guide.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.databases import statements
from provisimus.localcloud.databases.files import Listening
from provisimus.localcloud.databases.installed import Installed, chosen, servers
from provisimus.localcloud.databases.servers import ServerSpec
from provisimus.localcloud.databases.settings import FORCE_SSL
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.hooks.databases import place
from provisimus.localcloud.hooks.databases.record import wanted_parameters

log = logging.getLogger(__name__)

AVAILABLE, BACKING_UP, CREATING, DELETING = "available", "backing-up", "creating", "deleting"
FAILED, MODIFYING, REBOOTING = "failed", "modifying", "rebooting"
STARTING, STOPPED, STOPPING = "starting", "stopped", "stopping"
NO_NETWORK, NO_PARAMETERS = "incompatible-network", "incompatible-parameters"
RUNS = (AVAILABLE, BACKING_UP, REBOOTING, STARTING, NO_NETWORK, NO_PARAMETERS)
"""States in which its server runs, or should."""


def begin(cloud: Cloud, database: Any, task: Callable[[Cloud, Any], None]) -> None:
    """Have the instance's worker do it."""
    cloud.work(database.local.folder, lambda: task(cloud, database))


def databases(cloud: Cloud) -> list[Any]:
    """Every DB instance in every region."""
    from moto.rds.models import rds_backends

    backends = list(rds_backends[cloud.account].values())
    return [each for backend in backends for each in list(backend.databases.values())]


def installed(database: Any) -> Installed:
    """The server of its version. Raises LocalCloudError when it is gone from this computer."""
    major = database.engine_version.partition(".")[0]
    found = chosen(servers(), major)
    if found is None:
        raise LocalCloudError(f"PostgreSQL {major} is not installed any more")
    return found


def parameters(database: Any) -> dict[str, str]:
    """What its parameter group says."""
    return wanted_parameters(database.db_parameter_groups()[0].parameters)


def spec(cloud: Cloud, database: Any, nic: Any) -> ServerSpec:
    """How its server is started."""
    given, server = database.local.applied, installed(database)
    forced = given.get(FORCE_SSL, "1" if server.major >= 15 else "0") == "1"
    return ServerSpec(
        database.local.folder, server,
        Listening((nic.private_ip_address,), int(database.port), forced),
        (database.address,), cloud.networks.within(nic.vpc_id), given,
    )  # fmt: skip


def create(cloud: Cloud, database: Any) -> None:
    """Make the server of an instance that is creating, or go on where that was broken off."""
    local = database.local
    with _said(cloud, database, FAILED):
        server = installed(database)
        if not local.made:
            if local.copy_of:
                cloud.servers.restore(local.folder, local.copy_of)
            else:
                cloud.servers.initialise(local.folder, server)
        local.applied = parameters(database)
        _serve(cloud, database)
        if not local.made and not local.copy_of:
            cloud.servers.tell(
                local.folder,
                statements.first_words(
                    database.master_username, local.verifier, database.db_name, server.major
                ),
            )
        elif not local.made and local.verifier:
            _tell_password(cloud, database)
        local.made = True
        if database.backup_retention_period:
            _back_up(cloud, database)
        settle(database, CREATING, BACKING_UP)


def start(cloud: Cloud, database: Any) -> None:
    """Start what was stopped, or ran before a restart."""
    with _said(cloud, database, NO_PARAMETERS):
        if database.status == STARTING:
            database.local.applied = parameters(database)
        _serve(cloud, database)
        settle(database, STARTING, MODIFYING, BACKING_UP, NO_PARAMETERS, REBOOTING)


def reboot(cloud: Cloud, database: Any) -> None:
    """End it and start it with what its parameter group says now."""
    with _said(cloud, database, NO_PARAMETERS):
        cloud.servers.stop(database.local.folder)
        database.local.applied = parameters(database)
        _serve(cloud, database)
        settle(database, REBOOTING)


def stop(cloud: Cloud, database: Any) -> None:
    cloud.servers.stop(database.local.folder)
    settle(database, STOPPING, to=STOPPED)


def modified(cloud: Cloud, database: Any, restart: bool, password: bool) -> None:
    """Make true what was asked to change; ``restart`` where it takes one."""
    with _said(cloud, database, NO_NETWORK):
        if restart:
            cloud.servers.stop(database.local.folder)
        _serve(cloud, database)
        if password and database.local.verifier:
            _tell_password(cloud, database)
        settle(database, MODIFYING)


def reload(cloud: Cloud, database: Any) -> None:
    """Have it take the parameters that need no restart."""
    nic = place.interface(cloud, database)
    try:
        cloud.servers.reload(database.local.folder, spec(cloud, database, nic))
    except LocalCloudError as error:
        log.error("%s: %s", database.db_instance_identifier, error.what)


def end(cloud: Cloud, database: Any) -> None:
    """Leave nothing of it; the record goes last, and stays where something else did."""
    with _said(cloud, database, DELETING):
        cloud.servers.stop(database.local.folder)
        place.leave(cloud, database)
        cloud.servers.remove(database.local.folder)
        with cloud.changes:
            found = database.backend.databases
            if found.get(database.db_instance_identifier) is database:
                found.pop(database.db_instance_identifier)


def resume(cloud: Cloud) -> None:
    """After a restart: start what ran, and finish what was under way."""
    from provisimus.localcloud.hooks.databases.snapshots import copies, resume_copies

    all_of_them = databases(cloud)
    cloud.servers.sweep({each.local.folder for each in all_of_them} | copies(cloud))
    for database in all_of_them:
        state = database.status
        if state == STOPPING:
            database.status = STOPPED
        elif state == DELETING:
            begin(cloud, database, end)
        elif state == CREATING or (state in RUNS and not database.local.made):
            begin(cloud, database, create)
        elif state == MODIFYING:
            begin(cloud, database, partial(modified, restart=False, password=True))
        elif state in RUNS:
            database.status = REBOOTING
            begin(cloud, database, start)
    resume_copies(cloud)


def told(cloud: Cloud) -> list[dict[str, Any]]:
    """Each instance for ``provisimus local status``."""
    return [
        {
            "id": each.db_instance_identifier,
            "state": each.status,
            "endpoint": f"{each.address}:{each.port}",
            "public": place.public_address(cloud, each),
            "pid": cloud.servers.pid(each.local.folder),
            "log": str(cloud.servers.log(each.local.folder)),
            "failure": each.local.failure,
        }
        for each in databases(cloud)
    ]


def _serve(cloud: Cloud, database: Any) -> None:
    nic = place.take(cloud, database)
    cloud.servers.start(spec(cloud, database, nic))


def _tell_password(cloud: Cloud, database: Any) -> None:
    local = database.local
    cloud.servers.tell(
        local.folder, statements.new_password(database.master_username, local.verifier)
    )


def _back_up(cloud: Cloud, database: Any) -> None:
    from provisimus.localcloud.hooks.databases.snapshots import back_up

    with cloud.changes:
        if database.status == CREATING:
            database.status = BACKING_UP
    back_up(cloud, database)


def settle(database: Any, *expected: str, to: str = AVAILABLE) -> None:
    """The state that was reached; not where another was asked for meanwhile."""
    if database.status in expected:
        database.status = to


@contextlib.contextmanager
def _said(cloud: Cloud, database: Any, failed: str) -> Iterator[None]:
    """Whatever goes wrong becomes the instance's state; the reason stands in the log and is told
    by ``provisimus local status``."""
    try:
        yield
        database.local.failure = None
    except (LocalCloudError, EC2ClientError, OSError) as error:
        what = error.what if isinstance(error, LocalCloudError) else str(error)
        log.error("%s: %s", database.db_instance_identifier, what)
        database.local.failure = what
        if database.status != DELETING:
            database.status = failed
    cloud.changed()
