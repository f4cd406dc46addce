"""The server's own files: postgresql.conf and pg_hba.conf. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisimus.localcloud.databases.statements import ADMIN

CERTIFICATE, KEY = "server.crt", "server.key"
CONFIGURATION, ACCESS = "postgresql.conf", "pg_hba.conf"
DATA, SOCKETS = "data", "sockets"


@dataclass(frozen=True)
class Listening:
    """Where a server listens and whom it lets in."""

    addresses: tuple[str, ...]
    port: int
    encrypted_only: bool


def configuration(listening: Listening, parameters: Mapping[str, str], here: str) -> str:
    """postgresql.conf, for a server whose folder has the name ``here``.

    What a parameter group says comes first: what is ours has the last word.
    """
    own = {
        "listen_addresses": ",".join(listening.addresses),
        "port": str(listening.port),
        "unix_socket_directories": f"{here}/{SOCKETS}",
        "unix_socket_permissions": "0700",
        "hba_file": f"{here}/{ACCESS}",
        "ssl": "on",
        "ssl_cert_file": f"{here}/{CERTIFICATE}",
        "ssl_key_file": f"{here}/{KEY}",
        "password_encryption": parameters.get("password_encryption", "scram-sha-256"),
        "log_destination": "stderr",
        "logging_collector": "off",
        "wal_level": parameters.get("wal_level", "replica"),
    }
    given = {name: value for name, value in parameters.items() if not name.startswith("rds.")}
    lines = [f"{name} = {quoted(value)}" for name, value in {**given, **own}.items()]
    return "\n".join(lines) + "\n"


def access(listening: Listening) -> str:
    """pg_hba.conf: we by the socket, whose folder is ours alone; everybody else by a password."""
    kind = "hostssl" if listening.encrypted_only else "host"
    return (
        "local all all trust\n"
        "local replication all trust\n"
        f"host all {ADMIN} all reject\n"
        f"host replication {ADMIN} all reject\n"
        f"{kind} all all all scram-sha-256\n"
        f"{kind} replication +rds_replication all scram-sha-256\n"
    )


def quoted(value: str) -> str:
    """A value for postgresql.conf."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
