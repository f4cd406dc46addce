"""What the server is told in SQL, as RDS tells it: rdsadmin owns it, the master user is no
superuser. Source: "Understanding PostgreSQL roles and permissions" in the RDS User Guide.
"""

from __future__ import annotations

ADMIN = "rdsadmin"
MASTERS = "rds_superuser"
RESERVED = frozenset(
    {ADMIN, MASTERS, "postgres", "public", "none", "rds_replication", "rds_password",
     "rdsrepladmin"}
)  # fmt: skip
"""Names that a master user cannot have; RDS itself lets `postgres` be one."""
OWN_DATABASES = frozenset({"postgres", "template0", "template1", ADMIN})
GRANTED = ("pg_monitor", "pg_signal_backend", "pg_checkpoint")


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    if "\\" in text:
        raise ValueError("a backslash has no place in any literal of ours")
    return "'" + text.replace("'", "''") + "'"


def first_words(master: str, verifier: str, database: str | None, major: int) -> str:
    """For a server that was just made: its roles and the database that was asked for."""
    granted = [each for each in GRANTED if each != "pg_checkpoint" or major >= 15]
    user = identifier(master)
    lines = [
        f"CREATE ROLE {MASTERS} NOLOGIN;",
        "CREATE ROLE rds_replication NOLOGIN;",
        f"GRANT {', '.join(granted)} TO {MASTERS} WITH ADMIN OPTION;",
        f"CREATE ROLE {user} LOGIN CREATEDB CREATEROLE PASSWORD {literal(verifier)};",
        f"GRANT {MASTERS} TO {user};",
        f"GRANT ALL ON DATABASE postgres TO {user};",
        f"GRANT ALL ON SCHEMA public TO {MASTERS};",
    ]
    if database:
        lines.append(f"CREATE DATABASE {identifier(database)} OWNER {user};")
    return "\n".join(lines) + "\n"


def new_password(master: str, verifier: str) -> str:
    return f"ALTER ROLE {identifier(master)} PASSWORD {literal(verifier)};\n"
