"""What RDS does for DB instances by itself: a backup a day, and a new managed password a week.

Sources: "Introduction to backups" and "Password management with Amazon RDS and AWS Secrets
Manager" in the RDS User Guide.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.hooks.databases import life, secrets
from provisimus.localcloud.hooks.databases.snapshots import back_up
from provisimus.localcloud.lifecycle.times import is_due

ROTATION = timedelta(days=7)
_DAILY = {"Interval": 24}


def tick(cloud: Cloud, now: datetime) -> int:
    """Begin what is due at this moment, in UTC; returns how much that is."""
    begun = 0
    with cloud.changes:
        for database in life.databases(cloud):
            if database.status == life.AVAILABLE:
                begun += _rotate(cloud, database, now) + _back_up(cloud, database, now)
    return begun


def _back_up(cloud: Cloud, database: Any, now: datetime) -> int:
    local = database.local
    after, local.looked = local.looked or _aware(database.created), now
    window = str(database.preferred_backup_window).partition("-")[0]
    days = int(database.backup_retention_period)
    for each in list(database.backend.database_snapshots.values()):
        mine = each.snapshot_type == "automated" and each.local_of == local.folder
        if mine and now - _aware(each.created) > timedelta(days=max(days, 1)):
            database.backend.delete_db_snapshot(each.db_snapshot_identifier)
    if not days or not is_due({**_DAILY, "Times": [window]}, after, now):
        return 0
    cloud.work(local.folder, lambda: _take(cloud, database, now))
    return 1


def _take(cloud: Cloud, database: Any, now: datetime) -> None:
    with cloud.changes:
        if database.status == life.AVAILABLE:
            database.status = life.BACKING_UP
    back_up(cloud, database, now)
    life.settle(database, life.BACKING_UP)


def _rotate(cloud: Cloud, database: Any, now: datetime) -> int:
    local = database.local
    if not database.manage_master_user_password:
        local.rotated = None
        return 0
    if local.rotated is None:
        local.rotated = now
    if now - local.rotated < ROTATION:
        return 0
    local.rotated = now
    secrets.rotate(cloud, database)
    return 1


def _aware(moment: datetime) -> datetime:
    """Moto's times are in UTC and do not say so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
