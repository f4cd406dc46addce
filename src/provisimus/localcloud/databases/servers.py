"""Servers as they are: made, started, watched, asked, copied, ended. Blocks until it is done.

A server has a folder: its data, its settings, its sockets (open to nobody else) and its
certificate. Every start writes the settings anew, from what it is given.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from provisimus.localcloud.authority import issue
from provisimus.localcloud.copying import copy_whole
from provisimus.localcloud.databases import arguments
from provisimus.localcloud.databases.files import (
    ACCESS,
    CERTIFICATE,
    CONFIGURATION,
    DATA,
    KEY,
    SOCKETS,
    Listening,
    access,
    configuration,
)
from provisimus.localcloud.databases.installed import Installed
from provisimus.localcloud.databases.settings import complaint
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.processes import Command, Nursery
from provisimus.localcloud.services import Service, Supervised

READY_WITHIN = 60.0
GRACE = 30.0
"""Seconds that a server has to write back and end, before it is killed."""
_STILL_ENDING = "shared memory block"
"""What a new server says while processes of a killed one are not gone yet."""
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class ServerSpec:
    """All that decides how a server is started."""

    identifier: str
    """Of its folder."""
    server: Installed
    listening: Listening
    names: tuple[str, ...]
    """What its certificate is for."""
    within: tuple[str, ...] = ()
    """Before its arguments, to be in a network."""
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Running:
    spec: ServerSpec
    supervised: Supervised
    folder: int
    """The open descriptor."""


class Servers:
    """All servers that run."""

    def __init__(self, nursery: Nursery, layout: Layout) -> None:
        self._nursery = nursery
        self._layout = layout
        self._running: dict[str, _Running] = {}
        self._user = arguments.UNPRIVILEGED if os.geteuid() == 0 else None

    def folder(self, identifier: str) -> Path:
        return self._layout.databases / identifier

    def log(self, identifier: str) -> Path:
        return self._layout.logs / f"{identifier}.log"

    def initialise(self, identifier: str, server: Installed) -> None:
        """Make the data of an empty server. Raises LocalCloudError."""
        folder = self._fresh(identifier)
        # initdb wants a user that has a name. It is given nothing of anybody, so `nobody` will do.
        maker = pwd.getpwnam("nobody").pw_uid if self._user is not None else None
        if maker is not None:
            os.chown(folder, maker, maker)
        self._run(identifier, lambda here: arguments.initialise(server, here), maker)
        self._hand_over(identifier)

    def restore(self, identifier: str, copy: str) -> None:
        """Make the data of a server from a copy. Raises LocalCloudError."""
        folder = self._fresh(identifier)
        copy_whole(self.folder(copy) / DATA, folder / DATA)
        self._hand_over(identifier)

    def start(self, spec: ServerSpec) -> None:
        """Start and wait until it answers. Raises LocalCloudError with what it says."""
        if spec.identifier in self._running:
            return
        place = self.folder(spec.identifier)
        issued = issue(self._layout.authority, spec.names, spec.listening.addresses)
        for name, content in ((CERTIFICATE, issued.certificate), (KEY, issued.key)):
            self._write(place / name, content)
        log_file = self.log(spec.identifier)
        folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        here = arguments.here(folder)
        self._settings(spec, here)
        service = Service(
            f"database {spec.identifier}",
            Command(
                (
                    *spec.within, *arguments.apart(self._user, os.getuid()),
                    *arguments.as_user(self._user), *arguments.serve(spec.server, here),
                ),
                Path("/"), log_file, (folder,), environment=_ENVIRONMENT,
            ),
            lambda: self._answers(spec, folder),
            READY_WITHIN,
            signal.SIGINT,  # "fast shutdown": it does not wait for clients to leave
        )  # fmt: skip
        for attempt in range(5):
            said = log_file.stat().st_size if log_file.exists() else 0
            supervised = Supervised(self._nursery, service, GRACE)
            try:
                supervised.start()
                break
            except LocalCloudError as error:
                told = log_file.read_text(errors="replace")[said:]
                if attempt == 4 or _STILL_ENDING not in told:
                    os.close(folder)
                    raise LocalCloudError(
                        f"PostgreSQL does not start: {complaint(told)}", f"its log is {log_file}"
                    ) from error
                time.sleep(0.5)
        self._running[spec.identifier] = _Running(spec, supervised, folder)

    def stop(self, identifier: str) -> None:
        """End a server in order; one that does not run is ended."""
        running = self._running.pop(identifier, None)
        if running is not None:
            running.supervised.stop()
            os.close(running.folder)

    def is_running(self, identifier: str) -> bool:
        return identifier in self._running

    def pid(self, identifier: str) -> int | None:
        running = self._running.get(identifier)
        return running.supervised.pid if running else None

    def running(self) -> tuple[str, ...]:
        return tuple(self._running)

    def reload(self, identifier: str, spec: ServerSpec) -> None:
        """Have a running server take what it can take without a restart. Raises LocalCloudError."""
        running = self._running.get(identifier)
        if running is None:
            return
        self._settings(spec, arguments.here(running.folder))
        self.tell(identifier, "SELECT pg_reload_conf();\n")

    def tell(self, identifier: str, statements: str) -> str:
        """What it answers to statements of ours. Raises LocalCloudError."""
        running = self._running.get(identifier)
        if running is None:
            raise LocalCloudError(f"{identifier} does not run")
        spec, here = running.spec, arguments.here(running.folder)
        done = subprocess.run(
            (
                *arguments.as_user(self._user),
                *arguments.ask(spec.server, here, spec.listening.port),
            ),
            input=statements, capture_output=True, text=True, check=False, cwd="/",
            pass_fds=(running.folder,), env=_ENVIRONMENT,
        )  # fmt: skip
        if done.returncode:
            raise LocalCloudError(f"{identifier}: {complaint(done.stderr)}")
        return done.stdout

    def copy(self, identifier: str, copy: str, server: Installed) -> None:
        """Copy a server, running or not, under another name. Raises LocalCloudError."""
        target = self._fresh(copy)
        running = self._running.get(identifier)
        if running is None:
            copy_whole(self.folder(identifier) / DATA, target / DATA)
            return
        port = running.spec.listening.port
        unfinished = self.folder(identifier) / copy
        shutil.rmtree(unfinished, ignore_errors=True)
        self._run(
            identifier, lambda here: arguments.copy_running(server, here, port, copy), self._user
        )
        unfinished.rename(target / DATA)

    def duplicate(self, copy: str, other: str) -> None:
        """Copy a copy. Raises LocalCloudError."""
        target = self._fresh(other)
        copy_whole(self.folder(copy) / DATA, target / DATA)

    def remove(self, identifier: str) -> None:
        """Leave nothing of a server that is ended, or of a copy."""
        self.stop(identifier)
        shutil.rmtree(self.folder(identifier), ignore_errors=True)

    def takes(self, server: Installed, name: str, value: str) -> str | None:
        """What the server says against a value of a parameter, or None where it takes it."""
        identifier = f"probe-{time.monotonic_ns()}"
        folder = self._fresh(identifier)
        (folder / CONFIGURATION).touch()
        self._hand_over(identifier)
        try:
            self._run(
                identifier, lambda here: arguments.probe(server, here, name, value), self._user
            )
        except LocalCloudError as error:
            return error.what
        finally:
            self.remove(identifier)
        return None

    def sweep(self, wanted: set[str]) -> None:
        """Remove the folders that nobody knows any more."""
        if self._layout.databases.exists():
            for each in self._layout.databases.iterdir():
                if each.name not in wanted:
                    shutil.rmtree(each, ignore_errors=True)

    def stop_all(self) -> None:
        for identifier in self.running():
            self.stop(identifier)

    def _fresh(self, identifier: str) -> Path:
        folder = self.folder(identifier)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(mode=0o700, parents=True)
        return folder

    def _settings(self, spec: ServerSpec, here: str) -> None:
        place = self.folder(spec.identifier)
        (place / SOCKETS).mkdir(mode=0o700, exist_ok=True)
        if self._user is not None:
            os.chown(place / SOCKETS, self._user, self._user)
        text = configuration(spec.listening, spec.parameters, here)
        self._write(place / CONFIGURATION, text.encode())
        self._write(place / ACCESS, access(spec.listening).encode())

    def _write(self, path: Path, content: bytes) -> None:
        temporary = path.with_name(f"{path.name}.next")
        temporary.unlink(missing_ok=True)
        temporary.touch(mode=0o600)
        temporary.write_bytes(content)
        if self._user is not None:
            os.chown(temporary, self._user, self._user)
        temporary.replace(path)

    def _hand_over(self, identifier: str) -> None:
        if self._user is None:
            return
        for folder, _, files in os.walk(self.folder(identifier)):
            for path in (folder, *(f"{folder}/{name}" for name in files)):
                os.chown(path, self._user, self._user, follow_symlinks=False)

    def _answers(self, spec: ServerSpec, folder: int) -> bool:
        command = arguments.is_ready(spec.server, arguments.here(folder), spec.listening.port)
        done = subprocess.run(
            (*arguments.as_user(self._user), *command),
            check=False, cwd="/", pass_fds=(folder,), env=_ENVIRONMENT,
        )  # fmt: skip
        return done.returncode == 0

    def _run(
        self, identifier: str, command: Callable[[str], tuple[str, ...]], user: int | None
    ) -> None:
        """Run a program of PostgreSQL's in a server's folder to its end."""
        with _opened(self.folder(identifier)) as folder:
            said = self._layout.scratch / f"{identifier}-{time.monotonic_ns()}.log"
            process = self._nursery.start(
                Command(
                    (*arguments.as_user(user), *command(arguments.here(folder))),
                    Path("/"), said, (folder,), environment=_ENVIRONMENT,
                )
            )  # fmt: skip
            code, told = process.wait(), said.read_text(errors="replace")
            said.unlink()
        if code:
            raise LocalCloudError(complaint(told))


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
