"""Command lines of PostgreSQL's programs. Pure.

``here`` is the folder of one server. The programs insist on absolute names and change folders by
them, but the folders above may be closed to the user that they run as (a home often is). So they
inherit the folder as an open descriptor, and its name is ``/proc/self/fd/N``, which is also short
enough for a Unix socket.
"""

from __future__ import annotations

from provisimus.localcloud.databases.files import CONFIGURATION, DATA, SOCKETS
from provisimus.localcloud.databases.installed import Installed
from provisimus.localcloud.databases.statements import ADMIN
from provisimus.localcloud.qemu import drop_privileges

UNPRIVILEGED = 64802
"""User and group that servers run as when we are root: not that of the machines, which may not read
what is in databases."""


def here(descriptor: int) -> str:
    """The name of a folder that is open under this number."""
    return f"/proc/self/fd/{descriptor}"


def as_user(user: int | None) -> tuple[str, ...]:
    """The prefix with which root starts a program as somebody else; nothing where we are not."""
    return () if user is None else drop_privileges((), user, ())


def apart(user: int | None, own: int) -> tuple[str, ...]:
    """The prefix for a server: process 1 of a namespace of its own, as in a container.

    When it is killed, all of it is gone before it can be started again, and the number in its lock
    file is never another's. Who is not root is root in the namespace of his networks, as which no
    server runs: there he is himself (``own``) again.
    """
    mapped = ("--user", f"--map-user={own}") if user is None else ()
    return ("unshare", *mapped, "--pid", "--fork", "--kill-child=KILL", "--")


def initialise(server: Installed, here: str) -> tuple[str, ...]:
    return (
        server.program("initdb"), "--pgdata", f"{here}/{DATA}", "--username", ADMIN,
        "--encoding", "UTF8", "--locale", "C.UTF-8", "--auth", "scram-sha-256",
        "--auth-local", "trust", "--data-checksums", "--no-sync", "--no-instructions",
    )  # fmt: skip


def serve(server: Installed, here: str) -> tuple[str, ...]:
    return (
        server.program("postgres"), "-D", f"{here}/{DATA}",
        "-c", f"config_file={here}/{CONFIGURATION}",
    )  # fmt: skip


def ask(server: Installed, here: str, port: int) -> tuple[str, ...]:
    """Psql that reads statements and stops at the first that fails."""
    return (
        server.program("psql"), "--no-psqlrc", "--quiet", "--tuples-only", "--no-align",
        "--set", "ON_ERROR_STOP=1", *_there(here, port),
        "--dbname", "postgres", "--file", "-",
    )  # fmt: skip


def copy_running(server: Installed, here: str, port: int, target: str) -> tuple[str, ...]:
    """A consistent copy of a server that goes on, in a new folder beside its data."""
    return (
        server.program("pg_basebackup"), "--pgdata", f"{here}/{target}", "--checkpoint", "fast",
        "--wal-method", "stream", "--no-sync", "--no-password", *_there(here, port),
    )  # fmt: skip


def is_ready(server: Installed, here: str, port: int) -> tuple[str, ...]:
    return (server.program("pg_isready"), "--quiet", "--timeout", "2", *_there(here, port))


def probe(server: Installed, here: str, name: str, value: str) -> tuple[str, ...]:
    """What fails where the server would not take the value; nothing is started."""
    return (server.program("postgres"), "-D", here, "-c", f"{name}={value}", "-C", name)


def _there(here: str, port: int) -> tuple[str, ...]:
    return ("--host", f"{here}/{SOCKETS}", "--port", str(port), "--username", ADMIN)
