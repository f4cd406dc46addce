"""Snapshots of DB instances: each is a whole copy of a server's data, taken while it goes on.

Sources: API reference, CreateDBSnapshot, CopyDBSnapshot, DeleteDBSnapshot,
RestoreDBInstanceFromDBSnapshot.
"""

from __future__ import annotations

import logging
import secrets
from datetime import datetime
from typing import Any

from moto.core.utils import utcnow
from moto.rds.exceptions import DBSnapshotAlreadyExistsError
from moto.rds.models import RDSBackend

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.hooks.cloud import Cloud, replace
from provisimus.localcloud.hooks.databases import life, rules
from provisimus.localcloud.hooks.databases.instances import create_instance
from provisimus.localcloud.hooks.databases.requests import found, refuse, wrong_state

log = logging.getLogger(__name__)

_moto_create = RDSBackend.create_db_snapshot
_moto_copy = RDSBackend.copy_db_snapshot
_moto_delete = RDSBackend.delete_db_snapshot
_KEPT = (
    "auto_minor_version_upgrade", "availability_zone", "copy_tags_to_snapshot", "db_name",
    "engine", "engine_version", "iops", "license_model", "master_username",
    "preferred_backup_window", "preferred_maintenance_window", "storage_throughput",
    "storage_type", "db_instance_class", "allocated_storage", "port", "backup_retention_period",
)  # fmt: skip
"""What a restored instance has of the one that the snapshot was taken of, unless it is said."""


def install(cloud: Cloud) -> None:
    """Replace moto's methods."""

    def create(
        backend: Any, db_instance_identifier: str, db_snapshot_identifier: str,
        snapshot_type: str = "manual", tags: Any = None, **_: Any,
    ) -> Any:  # fmt: skip
        with cloud.changes:
            database = found(backend, db_instance_identifier)
            states = (life.AVAILABLE, life.STOPPED, life.BACKING_UP)
            refuse(wrong_state(database, *states))
            snapshot = _begun(backend, database, db_snapshot_identifier, snapshot_type, tags)
            if database.status == life.AVAILABLE:
                database.status = life.BACKING_UP

            def take() -> None:
                _take(cloud, database, snapshot)
                life.settle(database, life.BACKING_UP)

            cloud.work(database.local.folder, take)
            return snapshot

    def copy(
        backend: Any, source_db_snapshot_identifier: str, target_db_snapshot_identifier: str,
        **kw: Any,
    ) -> Any:  # fmt: skip
        with cloud.changes:
            source = backend.get_db_snapshot(source_db_snapshot_identifier)
            refuse(_not_available(source))
            made: Any = _moto_copy(
                backend, source_db_snapshot_identifier, target_db_snapshot_identifier, **kw
            )
            _dress(made, source.database, source.local_of)

            def duplicate() -> None:
                _finish(cloud, made, lambda: cloud.servers.duplicate(
                    source.local_copy, made.local_copy))  # fmt: skip

            cloud.work(source.local_copy, duplicate)
            return made

    def delete(backend: Any, identifier: str) -> Any:
        with cloud.changes:
            snapshot: Any = backend.get_db_snapshot(identifier)
            if snapshot.status not in (life.AVAILABLE, life.FAILED):
                refuse(_not_available(snapshot))
            _moto_delete(backend, identifier)
            snapshot.status = "deleted"
            # After what still reads it: a copy, or an instance that is made of it.
            cloud.work(snapshot.local_copy, lambda: _forget(cloud, snapshot.local_copy))
            return snapshot

    def restore(backend: Any, from_snapshot_id: str, wanted: Any) -> Any:
        with cloud.changes:
            snapshot = backend.get_db_snapshot(from_snapshot_id)
            refuse(_not_available(snapshot))
            given = {
                name: value for name, value in wanted.items()
                if name != "db_snapshot_identifier" and value is not None
            }  # fmt: skip
            refuse(_restoring(snapshot, given))
            return create_instance(
                cloud, backend, _restored(snapshot, given), copy_of=snapshot.local_copy
            )

    replace(RDSBackend, "create_db_snapshot", create)
    replace(RDSBackend, "copy_db_snapshot", copy)
    replace(RDSBackend, "delete_db_snapshot", delete)
    replace(RDSBackend, "restore_db_instance_from_db_snapshot", restore)


def back_up(cloud: Cloud, database: Any, now: datetime | None = None) -> None:
    """Take an automated snapshot, by the instance's worker."""
    identifier = f"rds:{database.db_instance_identifier}-{now or utcnow():%Y-%m-%d-%H-%M}"
    with cloud.changes:
        if identifier in database.backend.database_snapshots:
            return
        snapshot = _begun(database.backend, database, identifier, "automated", None)
    database.add_event("DB_INSTANCE_BACKUP_START")
    _take(cloud, database, snapshot)
    database.add_event("DB_INSTANCE_BACKUP_FINISH")


def copies(cloud: Cloud) -> set[str]:
    """The folders of all snapshots, and of those that instances are still made of."""
    kept = {
        each.local.copy_of
        for each in life.databases(cloud)
        if each.local.copy_of and not each.local.made
    }
    return kept | {each.local_copy for each in _snapshots(cloud)}


def resume_copies(cloud: Cloud) -> None:
    """After a restart: what was not whole yet never will be."""
    for each in _snapshots(cloud):
        if each.status == life.CREATING:
            each.status = life.FAILED


def _begun(backend: Any, database: Any, identifier: str, kind: str, tags: Any) -> Any:
    if identifier in backend.database_snapshots:
        raise DBSnapshotAlreadyExistsError(identifier)
    snapshot = _moto_create(backend, database.db_instance_identifier, identifier, kind, tags)
    _dress(snapshot, database, database.local.folder)
    return snapshot


def _dress(snapshot: Any, database: Any, of: str) -> None:
    """What moto leaves out of a snapshot's record."""
    snapshot.status, snapshot.percent_progress = life.CREATING, 0
    snapshot.local_of, snapshot.local_copy = of, f"copy-{secrets.token_hex(8)}"
    for name in ("availability_zone", "iops", "license_model", "storage_throughput",
                 "storage_type"):  # fmt: skip
        setattr(snapshot, name, getattr(database, name))
    snapshot.vpc_id = getattr(getattr(database, "db_subnet_group", None), "vpc_id", None)
    snapshot.option_group_name = database.option_group_name
    snapshot.local_verifier = database.local.verifier


def _take(cloud: Cloud, database: Any, snapshot: Any) -> None:
    _finish(cloud, snapshot, lambda: cloud.servers.copy(
        database.local.folder, snapshot.local_copy, life.installed(database)))  # fmt: skip


def _finish(cloud: Cloud, snapshot: Any, make: Any) -> None:
    try:
        make()
        snapshot.status, snapshot.percent_progress = life.AVAILABLE, 100
    except (LocalCloudError, OSError) as error:
        log.error("%s: %s", snapshot.db_snapshot_identifier, error)
        snapshot.status = life.FAILED
    cloud.changed()


def _forget(cloud: Cloud, copy: str) -> None:
    with cloud.changes:
        if copy in copies(cloud):
            return
    cloud.servers.remove(copy)


def _restoring(snapshot: Any, wanted: dict[str, Any]) -> rules.Refusal:
    if wanted.get("db_name"):
        return rules.INVALID, f"DBName is not for a restored {rules.ENGINE}: it has its own"
    if str(wanted.get("engine") or rules.ENGINE) != snapshot.engine:
        return rules.INVALID, f"Engine {wanted['engine']} is not that of the snapshot"
    size = wanted.get("allocated_storage")
    if size and int(size) < snapshot.allocated_storage:
        return rules.INVALID, "The storage of a DB instance cannot be smaller than its snapshot's"
    return None


def _restored(snapshot: Any, wanted: dict[str, Any]) -> dict[str, Any]:
    """The request for an instance that is made from the snapshot."""
    source = snapshot.database
    kept = {name: getattr(source, name) for name in _KEPT}
    kept["engine_version"] = str(source.engine_version).partition(".")[0]
    kept["storage_encrypted"] = bool(snapshot.encrypted)
    if snapshot.encrypted:
        kept["kms_key_id"] = snapshot.kms_key_id
    if wanted.get("availability_zone") is None:
        kept.pop("availability_zone")
    if snapshot.database.copy_tags_to_snapshot and "tags" not in wanted:
        kept["tags"] = list(snapshot.tags)
    return {**kept, **wanted}


def _not_available(snapshot: Any) -> rules.Refusal:
    if snapshot.status == life.AVAILABLE:
        return None
    return (
        "InvalidDBSnapshotState",
        f"The snapshot {snapshot.db_snapshot_identifier} is {snapshot.status}, not available",
    )


def _snapshots(cloud: Cloud) -> list[Any]:
    from moto.rds.models import rds_backends

    backends = list(rds_backends[cloud.account].values())
    return [each for backend in backends for each in list(backend.database_snapshots.values())]
