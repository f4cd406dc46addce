"""What requests about DB instances are refused for, and how it is said."""

from __future__ import annotations

from typing import Any

from moto.rds.exceptions import DBInstanceNotFoundError, RDSClientError
from moto.rds.utils import valid_preferred_maintenance_window

from provisimus.localcloud.databases.installed import HINT, servers
from provisimus.localcloud.hooks.cloud import Cloud
from provisimus.localcloud.hooks.databases import life, rules, watching

PENDING = ("allocated_storage", "db_instance_class", "iops", "multi_az", "storage_throughput",
           "storage_type")  # fmt: skip
"""What waits for the maintenance window unless it is to be applied at once. No window ever comes
here: it waits until something is to be applied at once."""


def found(backend: Any, identifier: str) -> Any:
    """The DB instance. Raises DBInstanceNotFoundError."""
    name = identifier.rpartition(":")[2] if identifier.startswith("arn:") else identifier
    database = backend.databases.get(name)
    if database is None:
        raise DBInstanceNotFoundError(identifier)
    return database


def refuse(refusal: rules.Refusal) -> None:
    """Raises RDSClientError where there is something wrong."""
    if refusal is not None:
        raise RDSClientError(*refusal)


def unavailable(cloud: Cloud) -> rules.Refusal:
    """Why there are no DB instances on this computer, if there are none."""
    if not servers():
        return rules.INVALID, f"DB instances are refused: no PostgreSQL is here - {HINT}"
    if cloud.networks.unavailable:
        return rules.INVALID, f"DB instances are refused: {cloud.networks.unavailable}"
    return None


def wrong_state(database: Any, *wanted: str) -> rules.Refusal:
    """Whether it is in none of the states."""
    if database.status in wanted:
        return None
    return (
        "InvalidDBInstanceState",
        (
            f"Instance {database.db_instance_identifier} is not in {' or '.join(wanted)} state: "
            f"it is {database.status}"
        ),
    )


def creation(
    wanted: dict[str, Any], password: str | None, managed: bool, copy_of: str | None
) -> rules.Refusal:
    """Whether this can be made; ``wanted`` is filled."""
    size = wanted["allocated_storage"]
    return rules.first(
        rules.not_simulated(wanted),
        rules.engine(
            wanted["engine"], wanted.get("engine_version"), [each.version for each in servers()]
        ),
        rules.instance_class(wanted.get("db_instance_class"), _types()),
        rules.storage(
            wanted["storage_type"], size, wanted.get("iops"), wanted.get("storage_throughput")
        ),
        watching.wrong(
            watching.after(watching.Watching(), wanted), wanted["ca_certificate_identifier"]
        ),
        rules.port(wanted["port"]),
        rules.retention(int(wanted.get("backup_retention_period", 1))),
        rules.new_password(password)
        if copy_of
        else rules.master(wanted.get("master_username"), password, managed),
        None if copy_of else rules.database(wanted.get("db_name")),
        rules.license_model(wanted["license_model"]),
    )


def modification(database: Any, wanted: Any) -> rules.Refusal:
    """Whether this can be changed so."""
    after = {name: wanted.get(name, getattr(database, name)) for name in PENDING if name != "iops"}
    after["iops"] = wanted.get("iops", database.iops)
    if wanted.get("storage_type") in ("gp2", "standard"):
        after["iops"] = after["storage_throughput"] = None
    version, runs = wanted.get("engine_version"), database.engine_version
    password, managed = wanted.get("master_user_password"), database.manage_master_user_password
    group = getattr(getattr(database, "db_subnet_group", None), "name", None)
    return rules.first(
        wrong_state(database, life.AVAILABLE, life.STOPPED, life.NO_PARAMETERS),
        rules.not_simulated(wanted),
        rules.when(
            bool(wanted.get("new_db_instance_identifier")),
            "NewDBInstanceIdentifier: renaming is not simulated",
        ),
        rules.when(
            version not in (None, "", runs, runs.partition(".")[0]),
            f"EngineVersion {version}: upgrades are not simulated; it runs {runs}",
        ),
        rules.when(
            wanted.get("db_subnet_group_name") not in (None, group),
            "DBSubnetGroupName: another VPC is not simulated",
        ),
        rules.when(
            after["allocated_storage"] < database.allocated_storage,
            "The storage of a DB instance cannot be made smaller",
        ),
        rules.instance_class(after["db_instance_class"], _types()),
        rules.storage(
            after["storage_type"], after["allocated_storage"], after["iops"],
            after["storage_throughput"],
        ),
        watching.wrong(
            watching.after(watching.of(database), wanted), wanted.get("ca_certificate_identifier")
        ),
        rules.port(int(wanted.get("db_port_number") or database.port)),
        rules.retention(int(wanted.get("backup_retention_period", 0))),
        rules.license_model(wanted.get("license_model")),
        _window(database, wanted),
        rules.new_password(password),
        rules.when(
            bool(password and managed) and wanted.get("manage_master_user_password") is not False,
            "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword "
            "enabled.",
        ),
        rules.when(
            bool(wanted.get("rotate_master_user_password")) and not wanted.get("apply_immediately"),
            "You must specify apply immediately when rotating the master user password.",
        ),
    )  # fmt: skip


def _window(database: Any, wanted: Any) -> rules.Refusal:
    """Whether the maintenance window is one, and apart from that of the backups."""
    window = str(wanted.get("preferred_maintenance_window") or "").lower()
    backups = wanted.get("preferred_backup_window") or database.preferred_backup_window
    said = valid_preferred_maintenance_window(window, backups) if window else None
    return (rules.INVALID, said) if said else None


def deletion(database: Any, snapshot: str | None, skip: bool) -> rules.Refusal:
    """Whether this can be deleted so."""
    if database.deletion_protection:
        return (
            rules.COMBINATION,
            (
                "Cannot delete protected DB Instance, please disable deletion protection and try "
                "again."
            ),
        )
    if skip == bool(snapshot):
        return (
            rules.COMBINATION,
            "FinalDBSnapshotIdentifier cannot be specified when deleting with SkipFinalSnapshot."
            if skip
            else "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.",
        )
    if database.status == life.DELETING:
        return (
            "InvalidDBInstanceState",
            f"Instance {database.db_instance_identifier} is already being deleted.",
        )
    if snapshot and not database.local.made:
        return (
            "InvalidDBInstanceState",
            (
                f"Instance {database.db_instance_identifier} is {database.status}; it has nothing "
                "to keep in a final snapshot"
            ),
        )
    return None


def check_groups(ec2: Any, groups: list[str], vpc: str | None = None) -> None:
    """Raises RDSClientError for one that is not there, or not of the VPC."""
    for each in groups:
        group = ec2.get_security_group_from_id(each)
        if group is None or (vpc and group.vpc_id != vpc):
            raise RDSClientError(
                rules.INVALID, f"Invalid security group, groupId= {each}, groupName=."
            )


def check_key(backend: Any, wanted: dict[str, Any]) -> None:
    """Have the key by its ARN. Raises RDSClientError."""
    if wanted.get("kms_key_id") and not wanted.get("storage_encrypted"):
        raise RDSClientError(
            rules.COMBINATION, "You can't specify KmsKeyId without StorageEncrypted."
        )
    if wanted.get("storage_encrypted"):
        wanted["kms_key_id"] = backend._validate_kms_key(
            wanted.get("kms_key_id") or "alias/aws/rds"
        )


def _types() -> Any:
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    return INSTANCE_TYPES
