"""What a DB instance may be asked to be. Pure; every refusal is (error code, text).

Sources: API reference, CreateDBInstance and ModifyDBInstance; "Amazon RDS DB instance storage" and
"DB instance classes" in the RDS User Guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from provisimus.localcloud.databases.passwords import check
from provisimus.localcloud.databases.statements import OWN_DATABASES, RESERVED

Refusal = tuple[str, str] | None

INVALID, COMBINATION = "InvalidParameterValue", "InvalidParameterCombination"
ENGINE = "postgres"
LEAST_PORT, MOST_PORT, PORT = 1150, 65535, 5432
FAMILIES = frozenset(
    {
        "t3", "t4g", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m6idn", "m6in", "m7g", "m7i",
        "m8g", "r5", "r5b", "r5d", "r6g", "r6gd", "r6i", "r6id", "r6idn", "r6in", "r7g", "r7i",
        "r8g", "x2g", "x2idn", "x2iedn",
    }
)  # fmt: skip
STORAGE = {"gp2": (20, 65536), "gp3": (20, 65536), "io1": (100, 65536), "io2": (100, 65536),
           "standard": (5, 3072)}  # fmt: skip
"""GiB, per kind."""
STRIPED = 400
"""GiB from which on a gp3 volume of PostgreSQL has IOPS and throughput of one's choice."""
LONGEST_RETENTION = 35
REFUSED = {
    "character_set_name": "PostgreSQL has none",
    "custom_iam_instance_profile": "RDS Custom is not simulated",
    "db_cluster_identifier": "clusters are not simulated",
    "db_security_groups": "EC2-Classic is gone; use VpcSecurityGroupIds",
    "db_system_id": "RDS Custom is not simulated",
    "dedicated_log_volume": "dedicated log volumes are not simulated",
    "domain": "directories are not simulated",
    "domain_fqdn": "directories are not simulated",
    "domain_iam_role_name": "directories are not simulated",
    "enable_customer_owned_ip": "Outposts are not simulated",
    "enable_iam_database_authentication": "IAM database authentication is not simulated",
    "multi_tenant": "that is Oracle's",
    "nchar_character_set_name": "that is Oracle's",
    "processor_features": "processor features are not simulated",
    "source_db_cluster_identifier": "clusters are not simulated",
    "tde_credential_arn": "that is Oracle's",
    "timezone": "that is for SQL Server; use the parameter timezone",
}
"""What is asked for and would change what the server is, but does not here; by moto's names."""


def not_simulated(wanted: Mapping[str, Any]) -> Refusal:
    """Whether something is asked for that nothing here does."""
    for name, why in REFUSED.items():
        if wanted.get(name):
            said = "".join(part.capitalize() for part in name.split("_"))
            return COMBINATION, f"{said} is refused: {why}"
    option = str(wanted.get("option_group_name") or "default:")
    if not option.startswith("default:"):
        return "OptionGroupNotFoundFault", "Option groups are not simulated"
    if wanted.get("network_type") not in (None, "", "IPV4"):
        return INVALID, "NetworkType: only IPV4 is simulated"
    if wanted.get("backup_target") not in (None, "", "region"):
        return INVALID, "BackupTarget: only region is simulated"
    return None


def engine(name: str | None, version: str | None, installed: Iterable[str]) -> Refusal:
    """Whether a server of the engine and version can be had; ``installed`` are the whole ones."""
    versions = list(installed)
    if name != ENGINE:
        return (
            INVALID,
            f"Invalid DB engine: {name}. This local cloud runs {ENGINE} and no other engine",
        )
    majors = [each.partition(".")[0] for each in versions]
    if version and version not in (*versions, *majors):
        return (
            INVALID,
            (
                f"Cannot find version {version} for {ENGINE}: installed here are "
                f"{', '.join(versions) or 'none'}"
            ),
        )
    return None


def instance_class(name: str | None, types: Iterable[str]) -> Refusal:
    """Whether there is such a class. ``types`` are EC2's instance types."""
    found = re.fullmatch(r"db\.((\w+)\.\w+)", name or "")
    if found is None or found[2] not in FAMILIES or found[1] not in types:
        return INVALID, f"Invalid DB Instance class: {name}"
    return None


def storage(kind: str, size: int, iops: int | None, throughput: int | None) -> Refusal:
    """Whether a volume may be of the kind, of that many GiB, with these figures."""
    if kind not in STORAGE:
        return INVALID, f"Invalid storage type: {kind}"
    least, most = STORAGE[kind]
    if not least <= size <= most:
        return (
            INVALID,
            (
                f"Invalid storage size for engine name {ENGINE} and storage type {kind}: {size} "
                f"(it is {least} to {most} GiB)"
            ),
        )
    if kind in ("io1", "io2") and not iops:
        return COMBINATION, f"The storage type {kind} requires Iops"
    if kind in ("gp2", "standard") and (iops or throughput):
        return COMBINATION, f"Iops and StorageThroughput are not for storage type {kind}"
    if kind == "gp3" and size < STRIPED and (iops or throughput):
        return (
            COMBINATION,
            (
                f"You can't specify IOPS or storage throughput for engine {ENGINE} and a storage "
                f"size less than {STRIPED}."
            ),
        )
    return None


def port(number: int) -> Refusal:
    if LEAST_PORT <= number <= MOST_PORT:
        return None
    return INVALID, f"Invalid database port: {number} ({LEAST_PORT} to {MOST_PORT})"


def retention(days: int) -> Refusal:
    if 0 <= days <= LONGEST_RETENTION:
        return None
    return INVALID, f"Invalid backup retention period: {days}. Must be between 0 and 35"


def license_model(name: str | None) -> Refusal:
    if name in (None, "", "postgresql-license"):
        return None
    return INVALID, f"Invalid license model for {ENGINE}: {name} (it is postgresql-license)"


def master(user: str | None, password: str | None, managed: bool) -> Refusal:
    """Whether these are credentials of a master user."""
    if not re.fullmatch(r"[A-Za-z]\w{0,62}", user or "", re.ASCII):
        return (
            INVALID,
            (
                f"MasterUsername {user or ''} is not valid: it begins with a letter and has up to "
                "63 letters, digits and underscores"
            ),
        )
    if str(user).lower() in RESERVED or str(user).lower().startswith("pg_"):
        return (
            INVALID,
            f"MasterUsername {user} cannot be used as it is a reserved word used by the engine",
        )
    if managed and password:
        return (
            COMBINATION,
            "You can't specify MasterUserPassword when ManageMasterUserPassword is set",
        )
    if not managed and not password:
        return (
            INVALID,
            "The parameter MasterUserPassword must be provided and must not be blank.",
        )
    return new_password(password)


def new_password(password: str | None) -> Refusal:
    wrong = check(password) if password else None
    return (INVALID, wrong) if wrong else None


def database(name: str | None) -> Refusal:
    if not name:
        return None
    if not re.fullmatch(r"[A-Za-z_]\w{0,62}", name, re.ASCII):
        return (
            INVALID,
            (
                "DBName must begin with a letter or underscore and contain only alphanumeric "
                "characters."
            ),
        )
    if name.lower() in OWN_DATABASES:
        return INVALID, f"Database name cannot be {name}: it is there already or reserved"
    return None


def when(wrong: bool, text: str) -> Refusal:
    """What is wrong with a combination of things, if it is."""
    return (COMBINATION, text) if wrong else None


def first(*refusals: Refusal) -> Refusal:
    """The first thing that is wrong."""
    return next((each for each in refusals if each is not None), None)
