"""DB instances: create, modify, reboot, stop, start and delete are done to real servers."""

from __future__ import annotations

import dataclasses
import secrets
import string
from functools import partial
from typing import Any

from moto.rds.exceptions import (
    DBInstanceAlreadyExists,
    DBParameterGroupNotFoundError,
    RDSClientError,
)
from moto.rds.models import DBInstance, RDSBackend

from provisimus.localcloud.databases.installed import chosen, servers
from provisimus.localcloud.databases.passwords import fresh_verifier
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.databases import life, place, rules, watching
from provisimus.localcloud.hooks.databases.record import Local, group_status
from provisimus.localcloud.hooks.databases.requests import (
    PENDING,
    check_groups,
    check_key,
    creation,
    deletion,
    found,
    modification,
    refuse,
    unavailable,
    wrong_state,
)

RESTARTS = ("db_instance_class", "port")
AT_ONCE = (
    "auto_minor_version_upgrade", "backup_retention_period", "ca_certificate_identifier",
    "copy_tags_to_snapshot", "db_parameter_group_name", "deletion_protection", "port",
    "max_allocated_storage", "preferred_backup_window", "preferred_maintenance_window",
    "publicly_accessible", "vpc_security_group_ids",
)  # fmt: skip
_moto_init = DBInstance.__init__


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""

    def create(backend: Any, wanted: Any) -> Any:
        with cloud.changes:
            return create_instance(cloud, backend, dict(wanted.items()))

    def modify(backend: Any, identifier: str, wanted: Any) -> Any:
        with cloud.changes:
            database = found(backend, identifier)
            refuse(modification(database, wanted))
            return _modify(cloud, backend, database, dict(wanted.items()))

    def reboot(backend: Any, identifier: str) -> Any:
        return _go(cloud, backend, identifier, (life.AVAILABLE, life.NO_PARAMETERS),
                   life.REBOOTING, life.reboot)  # fmt: skip

    def stop(backend: Any, identifier: str, snapshot: str | None = None) -> Any:
        if snapshot:
            found(backend, identifier)
            backend.create_db_snapshot(identifier, snapshot)
        states = (life.AVAILABLE, *((life.BACKING_UP,) if snapshot else ()))
        return _go(cloud, backend, identifier, states, life.STOPPING, life.stop)

    def start(backend: Any, identifier: str) -> Any:
        return _go(cloud, backend, identifier, (life.STOPPED,), life.STARTING, life.start)

    def delete(
        backend: Any, db_instance_identifier: str, final_db_snapshot_identifier: str | None = None,
        skip_final_snapshot: bool | None = False, delete_automated_backups: bool | None = True,
    ) -> Any:  # fmt: skip
        with cloud.changes:
            database = found(backend, db_instance_identifier)
            refuse(deletion(database, final_db_snapshot_identifier, bool(skip_final_snapshot)))
            if final_db_snapshot_identifier:
                backend.create_db_snapshot(db_instance_identifier, final_db_snapshot_identifier)
            if delete_automated_backups is not False:
                for each in list(backend.database_snapshots.values()):
                    if each.snapshot_type == "automated" and each.local_of == database.local.folder:
                        backend.delete_db_snapshot(each.db_snapshot_identifier)
            if database.manage_master_user_password:
                database.master_user_secret.delete_secret()
            database.status = life.DELETING
            life.begin(cloud, database, life.end)
            return database

    replace(RDSBackend, "create_db_instance", create)
    replace(RDSBackend, "modify_db_instance", modify)
    replace(RDSBackend, "reboot_db_instance", reboot)
    replace(RDSBackend, "stop_db_instance", stop)
    replace(RDSBackend, "start_db_instance", start)
    replace(RDSBackend, "delete_db_instance", delete)
    for name, told in (
        ("address", lambda database: place.endpoint_name(
            database.db_instance_identifier, database.account_id, database.region)),
        ("db_parameter_group_status_list", _group_statuses),
        ("endpoint", _endpoint),
        ("latest_restorable_time", lambda database: None),
        ("network_type", lambda database: "IPV4"),
        ("pending_modified_values", lambda database: dict(database.local.pending)),
    ):  # fmt: skip
        setattr(DBInstance, name, property(told))
    for name, told in dataclasses.asdict(watching.Watching()).items():
        setattr(DBInstance, name, told)  # of records that were kept before these were


def create_instance(
    cloud: Cloud, backend: Any, wanted: dict[str, Any], copy_of: str | None = None
) -> Any:
    """Make the record and begin the work. Raises RDSClientError; under the cloud's lock."""
    identifier = str(wanted["db_instance_identifier"]).lower()
    backend._validate_db_identifier(identifier)
    if identifier in backend.databases:
        raise DBInstanceAlreadyExists
    refuse(unavailable(cloud))
    password = wanted.pop("master_user_password", None)
    managed = bool(wanted.get("manage_master_user_password"))
    _fill(wanted)
    refuse(creation(wanted, password, managed, copy_of))
    server = chosen(servers(), wanted.get("engine_version"))
    assert server is not None
    wanted["engine_version"] = server.version
    group = _subnet_group(backend, wanted)
    subnet = place.chosen_subnet(
        place.subnets(_ec2(cloud, backend), group), wanted.get("availability_zone")
    )
    if subnet is None:
        raise RDSClientError("InvalidSubnet", "No subnet of the group is in the zone asked for")
    wanted["availability_zone"] = subnet.availability_zone
    wanted["vpc_security_group_ids"] = _groups(cloud, backend, subnet, wanted)
    local = Local(_resource_id().lower(), subnet.id, copy_of=copy_of)
    if password:
        local.verifier = fresh_verifier(password)
    check_key(backend, wanted)
    watched = _watched(backend, watching.Watching(), wanted)
    database: Any = DBInstance.__new__(DBInstance)
    database.local = local
    _moto_init(database, backend, **wanted)
    watching.keep(database, watched)
    database.dbi_resource_id = local.folder.replace("db-", "", 1).upper()
    database.dbi_resource_id = f"db-{database.dbi_resource_id}"
    database.db_instance_identifier = identifier
    if not wanted.get("option_group_name"):
        database.option_group_name = f"default:{rules.ENGINE}-{server.major}"
    database.status = life.CREATING
    backend.databases[identifier] = database
    database.add_event("DB_INSTANCE_CREATE")
    life.begin(cloud, database, life.create)
    return database


def _fill(wanted: dict[str, Any]) -> None:
    """What is not said, as RDS takes it."""
    wanted["engine"] = str(wanted.get("engine") or "").lower()
    wanted["port"] = int(wanted.get("port") or rules.PORT)
    wanted.setdefault("storage_type", "io1" if wanted.get("iops") else "gp2")
    wanted["allocated_storage"] = int(wanted.get("allocated_storage") or 0)
    wanted["license_model"] = wanted.get("license_model") or "postgresql-license"
    wanted["ca_certificate_identifier"] = (
        wanted.get("ca_certificate_identifier") or watching.AUTHORITIES[0]
    )
    wanted["publicly_accessible"] = bool(wanted.get("publicly_accessible"))
    wanted.pop("db_security_groups", None) if not wanted.get("db_security_groups") else None


def _modify(cloud: Cloud, backend: Any, database: Any, wanted: dict[str, Any]) -> Any:
    """Take over what is asked for, and begin the work. Everything is checked already."""
    local = database.local
    if wanted.get("db_port_number"):
        wanted["port"] = int(wanted["db_port_number"])
    group = wanted.get("db_parameter_group_name")
    if (
        group
        and group not in backend.db_parameter_groups
        and not database.is_default_parameter_group(group)
    ):
        raise DBParameterGroupNotFoundError(str(group))
    if wanted.get("vpc_security_group_ids"):
        check_groups(_ec2(cloud, backend), wanted["vpc_security_group_ids"])
    password = _new_password(database, wanted)
    changes = {
        name: wanted[name]
        for name in PENDING
        if wanted.get(name) is not None and wanted[name] != getattr(database, name)
    }
    local.pending.update(changes)
    now = {name: wanted[name] for name in AT_ONCE if wanted.get(name) is not None}
    if wanted.get("apply_immediately"):
        now |= local.pending
        local.pending.clear()
    if window := now.get("preferred_maintenance_window"):
        now["preferred_maintenance_window"] = str(window).lower()
    restart = any(name in now and now[name] != getattr(database, name) for name in RESTARTS)
    watching.keep(database, _watched(backend, watching.of(database), wanted))
    for name, value in now.items():
        setattr(database, name, value)
    exports = wanted.get("cloudwatch_logs_export_configuration") or {}
    database.enabled_cloudwatch_logs_exports = watching.exported(
        database.enabled_cloudwatch_logs_exports, exports
    )
    stopped = database.status == life.STOPPED
    if not stopped:
        database.status = life.MODIFYING
        life.begin(cloud, database, partial(life.modified, restart=restart, password=password))
    return database


def _new_password(database: Any, wanted: dict[str, Any]) -> bool:
    """Whether there is another one; its verifier is known then."""
    local, before = database.local, database.local.verifier
    managed = wanted.get("manage_master_user_password")
    if wanted.get("master_user_password"):
        local.verifier = fresh_verifier(wanted["master_user_password"])
    if managed is not None or wanted.get("rotate_master_user_password"):
        again = managed and database.manage_master_user_password
        database.update(
            manage_master_user_password=None if again else managed,
            master_user_secret_kms_key_id=wanted.get("master_user_secret_kms_key_id"),
            rotate_master_user_password=wanted.get("rotate_master_user_password"),
        )
    return bool(local.verifier != before)


def _go(
    cloud: Cloud, backend: Any, identifier: str, wanted: tuple[str, ...], state: str, task: Any
) -> Any:
    with cloud.changes:
        database = found(backend, identifier)
        refuse(wrong_state(database, *wanted))
        database.status = state
        life.begin(cloud, database, task)
        return database


def _group_statuses(database: Any) -> list[dict[str, str]]:
    return [
        {
            "DBParameterGroupName": group.name,
            "ParameterApplyStatus": group_status(database.local.applied, life.parameters(database)),
        }
        for group in database.db_parameter_groups()
    ]


def _endpoint(database: Any) -> dict[str, Any] | None:
    """None while there is nothing to connect to."""
    if not database.local.interface:
        return None
    zone = place.endpoint_name("", database.account_id, database.region).partition(".")[2]
    digest = "Z" + zone.split(".")[0][1:].upper()
    return {"Address": database.address, "Port": database.port, "HostedZoneId": digest}


def _watched(backend: Any, before: watching.Watching, wanted: dict[str, Any]) -> watching.Watching:
    """What a request makes of it, with the key of Performance Insights by its ARN."""
    made = watching.after(before, wanted)
    key = made.performance_insights_kms_key_id
    if made.performance_insights_enabled:
        key = backend._validate_kms_key(key or "alias/aws/rds")
    return dataclasses.replace(made, performance_insights_kms_key_id=key)


def _subnet_group(backend: Any, wanted: dict[str, Any]) -> Any | None:
    name = wanted.get("db_subnet_group_name")
    return backend.describe_db_subnet_groups(name)[0] if name else None


def _groups(cloud: Cloud, backend: Any, subnet: Any, wanted: dict[str, Any]) -> list[str]:
    ec2, given = _ec2(cloud, backend), list(wanted.get("vpc_security_group_ids") or ())
    if not given:
        return [ec2.get_default_security_group(subnet.vpc_id).id]
    check_groups(ec2, given, subnet.vpc_id)
    return given


def _resource_id() -> str:
    letters = string.ascii_uppercase + "234567"
    return "db-" + "".join(secrets.choice(letters) for _ in range(26))


def _ec2(cloud: Cloud, backend: Any) -> Any:
    from moto.ec2.models import ec2_backends

    return ec2_backends[cloud.account][backend.region_name]
