"""One HAProxy: started, reloaded without dropping a connection, asked for its servers' health.

It runs as master and worker. The master is spoken to over its socket; when it reloads, the new
worker gets the listening sockets and the states of the servers, and the old one finishes what it
has begun. Who started as root leaves the work to an unprivileged user.

Source: "Stopping and restarting HAProxy" and "Master CLI" in the HAProxy Management Guide.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path

from provisimus.localcloud.balancers.config import CONFIGURATION, STATES, render
from provisimus.localcloud.balancers.health import Server, beginnings, servers
from provisimus.localcloud.balancers.model import Balancer
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.processes import Command, Nursery, run
from provisimus.localcloud.services import Service, Supervised

_SOCKET = "master"
"""In its folder, which is where HAProxy runs: paths of Unix sockets must be short."""
_PATIENCE = 20.0
_CURRENT = "@1"


class HAProxy:
    """The process of one balancer. Every method may be called from any thread."""

    def __init__(
        self,
        nursery: Nursery,
        folder: Path,
        log: Path,
        within: tuple[str, ...] = (),
        owner: tuple[int, int] | None = None,
    ) -> None:
        """`within` stands before the program; `owner` is who does the work for root."""
        self._nursery, self._folder, self._log = nursery, folder, log
        self._within, self._owner = within, owner
        self._turn = threading.RLock()
        self._running: Supervised | None = None
        self._now: Balancer | None = None

    @property
    def pid(self) -> int | None:
        return self._running.pid if self._running else None

    def apply(self, balancer: Balancer) -> None:
        """Make it serve as the balancer says. Raises LocalCloudError; then it serves as before."""
        with self._turn:
            if balancer == self._now:
                return
            self._write(balancer)
            if self._running is None:
                self._start(balancer)
            else:
                self._retire(balancer)
                self._reload()
            self._now = balancer

    def look(self) -> tuple[Server, ...]:
        """Its servers; those that have passed their first check get traffic from here on.

        Raises OSError while it does not answer.
        """
        with self._turn:
            told = self._told()
            begun = [each for each in told if each.may_begin]
            for each in begun:
                self._ask(f"{_CURRENT} set server {each.group}/{each.name} weight 1")
            if begun:
                told = self._told()
            return told

    def cut(self, group: str, name: str) -> None:
        """End what connections there are still to a server that is gone from the balancer."""
        with self._turn:
            try:
                for pid in old_workers(self._ask("show proc")):
                    for session in sessions(self._ask(f"@!{pid} show sess"), group, name):
                        self._ask(f"@!{pid} shutdown session {session}")
            except OSError:
                pass  # an old worker that is gone has nothing left

    def stop(self) -> None:
        with self._turn:
            if self._running is not None:
                self._running.stop()
                self._running = None
            self._now = None
            shutil.rmtree(self._folder, ignore_errors=True)

    # ---- steps ----------------------------------------------------------------------------------

    def _write(self, balancer: Balancer) -> None:
        """Its files, found valid. Raises LocalCloudError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = render(balancer, self._owner).all_files()
        digest = _digest(files)
        files[CONFIGURATION] += f"global\n    description {digest}\n".encode()
        for name, content in files.items():
            _replace(self._folder / name, content)
        states = self._states()
        _replace(self._folder / STATES, beginnings(balancer.groups, states).encode())
        found = run(self._nursery, (_program(), "-c", "-q", "-f", CONFIGURATION), self._folder)
        if found.code != 0:
            raise LocalCloudError(f"HAProxy does not take what is configured: {found.output}")
        self._digest = digest

    def _start(self, balancer: Balancer) -> None:
        arguments = (
            *self._within, _program(), "-W", "-db", "-S", f"unix@{_SOCKET},mode,600",
            "-f", CONFIGURATION,
        )  # fmt: skip
        service = Service(
            f"HAProxy of {balancer.name}",
            Command(arguments, self._folder, self._log),
            self._in_force,
            ready_within=_PATIENCE,
        )
        started = Supervised(self._nursery, service)
        started.start()
        self._running = started

    def _reload(self) -> None:
        with suppress(OSError):  # it restarts already, with the new files
            self._ask("reload")
        deadline = time.monotonic() + _PATIENCE
        while not self._in_force():
            if time.monotonic() > deadline:
                raise LocalCloudError("HAProxy did not reload", f"its log is {self._log}")
            time.sleep(0.02)

    def _in_force(self) -> bool:
        """Whether the current worker has the files that were written last."""
        try:
            told = self._ask(f"{_CURRENT} show info")
        except OSError:
            return False
        return f"description: {self._digest}" in told

    def _retire(self, after: Balancer) -> None:
        """What is about to be no target gets nothing new, not even over connections kept open.

        A worker that is being replaced takes no such order any more.
        """
        gone = _places(self._now) - _places(after) if self._now else set()
        for group, name in sorted(gone):
            try:
                self._ask(f"{_CURRENT} set server {group}/{name} state maint")
            except OSError:
                return  # it is not there, and comes back with the new files

    def _told(self) -> tuple[Server, ...]:
        states = self._ask(f"{_CURRENT} show servers state")
        statistics = self._ask(f"{_CURRENT} show stat -1 4 -1")
        if self._now is not None:  # for a process that takes the place of one that was killed
            _replace(self._folder / STATES, beginnings(self._now.groups, states).encode())
        return servers(states, statistics)

    def _states(self) -> str:
        try:
            return self._ask(f"{_CURRENT} show servers state")
        except OSError:
            kept = self._folder / STATES
            return kept.read_text() if kept.exists() else ""

    def _ask(self, command: str) -> str:
        """The answer of the master, or by a prefix of one of its workers. Raises OSError."""
        with socket.socket(socket.AF_UNIX) as speaking:
            speaking.settimeout(5)
            folder = os.open(self._folder, os.O_PATH)
            try:
                speaking.connect(f"/proc/self/fd/{folder}/{_SOCKET}")
            finally:
                os.close(folder)
            speaking.sendall(f"{command}; quit\n".encode())
            parts = []
            while part := speaking.recv(65536):
                parts.append(part)
        return b"".join(parts).decode(errors="replace")


def old_workers(told: str) -> tuple[int, ...]:
    """Process ids from the answer to `show proc`: of those that only finish what they began."""
    old = told.partition("# old workers")[2].partition("# programs")[0]
    lines = (line.split() for line in old.splitlines())
    return tuple(int(words[0]) for words in lines if words and words[0].isdecimal())


def sessions(told: str, group: str, name: str) -> tuple[str, ...]:
    """Those with a server, from the answer to `show sess`, by what `shutdown session` knows."""
    mine = {f"srv={name}", f"be={group}"}
    lines = (line.split() for line in told.splitlines())
    return tuple(words[0].rstrip(":") for words in lines if mine <= set(words))


def _places(balancer: Balancer) -> set[tuple[str, str]]:
    return {(group.name, each.identifier) for group in balancer.groups for each in group.targets}


def _program() -> str:
    return shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin") or "haproxy"


def _digest(files: dict[str, bytes]) -> str:
    found = hashlib.sha256()
    for name in sorted(files):
        found.update(f"{name}\0{len(files[name])}\0".encode() + files[name])
    return found.hexdigest()[:32]


def _replace(path: Path, content: bytes) -> None:
    """In one step, for our eyes only."""
    fresh = path.with_name(f"{path.name}.next")
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
