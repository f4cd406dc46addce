"""What parameters the server knows and takes, told by the server itself.

``postgres --describe-config`` lists them; what it does not list (the words that an enumeration
takes) ``postgres -C`` decides. Source for what a group may hold: "Working with parameter groups"
and "Parameters for RDS for PostgreSQL" in the RDS User Guide.
"""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from functools import lru_cache

from provisimus.localcloud.databases.installed import Installed

FORCE_SSL = "rds.force_ssl"
STATIC = "static"
DYNAMIC = "dynamic"
OURS = frozenset(
    {
        "archive_cleanup_command", "archive_command", "archive_library", "archive_mode",
        "bonjour", "bonjour_name", "cluster_name", "config_file", "data_directory",
        "data_directory_mode", "dynamic_library_path", "event_source", "external_pid_file",
        "hba_file", "ident_file", "krb_server_keyfile", "listen_addresses",
        "local_preload_libraries",
        "log_directory", "log_destination", "log_file_mode", "log_filename", "logging_collector",
        "port", "primary_conninfo", "promote_trigger_file", "restore_command", "ssl", "ssl_ca_file",
        "ssl_cert_file", "ssl_crl_dir", "ssl_crl_file", "ssl_dh_params_file", "ssl_key_file",
        "ssl_passphrase_command", "stats_temp_directory", "superuser_reserved_connections",
        "syslog_facility", "syslog_ident", "unix_socket_directories", "unix_socket_group",
        "unix_socket_permissions", "zero_damaged_pages", "fsync", "full_page_writes",
    }
)  # fmt: skip
"""What the service decides itself, as RDS does; a group cannot change it."""
_KINDS = {"BOOLEAN": "boolean", "INTEGER": "integer", "REAL": "float"}


@dataclass(frozen=True)
class Setting:
    """One parameter as the server tells of it."""

    name: str
    kind: str
    """`boolean`, `integer`, `float` or `string`."""
    apply: str
    """`dynamic`, or `static` where it takes a restart."""
    least: str
    most: str
    description: str
    modifiable: bool = True

    @property
    def allowed(self) -> str:
        if self.kind == "boolean":
            return "0,1"
        return f"{self.least}-{self.most}" if self.least or self.most else ""


def parse_catalogue(told: str) -> dict[str, Setting]:
    """The parameters by name, from what ``postgres --describe-config`` prints."""
    found = {}
    for line in told.splitlines():
        fields = line.split("\t")
        if len(fields) < 8 or fields[1] == "internal":
            continue
        name, context, _group, kind, _value, least, most, description = fields[:8]
        found[name.lower()] = Setting(
            name, _KINDS.get(kind, "string"), STATIC if context == "postmaster" else DYNAMIC,
            least, most, description, name.lower() not in OURS,
        )  # fmt: skip
    found[FORCE_SSL] = Setting(
        FORCE_SSL, "boolean", DYNAMIC, "", "", "Forces SSL connections.", modifiable=True
    )
    return found


@lru_cache(maxsize=8)
def catalogue(server: Installed) -> dict[str, Setting]:
    """What this server knows."""
    told = subprocess.run(
        (server.program("postgres"), "--describe-config"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return parse_catalogue(told.stdout)


def refusal(
    known: dict[str, Setting], name: str, value: str, method: str
) -> tuple[str, str] | None:
    """Why a group may not get this parameter, as (error code, text), before the server is asked."""
    setting = known.get(name.lower())
    if setting is None:
        return "InvalidParameterValue", f"Invalid parameter name: {name}"
    if not setting.modifiable:
        return "InvalidParameterValue", f"The parameter {name} cannot be modified."
    if setting.apply == STATIC and method == "immediate":
        return (
            "InvalidParameterCombination",
            "cannot use immediate apply method for static parameter",
        )
    if re.search(r"[{}\n\r]", value):
        return (
            "InvalidParameterValue",
            (
                f"{name}: formulas such as {{DBInstanceClassMemory/…}} are not evaluated here; "
                "give the value"
            ),
        )
    if name.lower() == FORCE_SSL and value not in ("0", "1"):
        return (
            "InvalidParameterValue",
            f"Invalid parameter value: {value} for: {name} allowed values are: 0,1",
        )
    return None


def complaint(told: str) -> str:
    """What the server says against a value, without the time and level in front."""
    lines = [line for line in told.splitlines() if re.search(r"FATAL:|HINT:|DETAIL:|ERROR:", line)]
    said = (re.sub(r"^.*?(FATAL|HINT|DETAIL|ERROR):\s*", "", line) for line in lines)
    return " ".join(said) or told.strip() or "the server does not take it"
