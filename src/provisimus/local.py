"""The local cloud as its users see it: start it, ask it, stop it. It is a process of its own.

Everything goes over its control API on loopback; nothing of `provisimus.localcloud` is imported.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.errors import (
    NotFound,
    ProvisimusError,
    Refused,
    ToolFailed,
    Unreachable,
    UsageFault,
)
from provisimus.events import Said, Tell, silence, step
from provisimus.files import is_full

if TYPE_CHECKING:
    from provisimus.http import httpx

HINT = "start it: provisimus local up"


@dataclass(frozen=True)
class LocalCloud:
    """Where one local cloud keeps its state and listens. `registry_port` is its registry's."""

    directory: Path
    port: int = 4800
    registry_port: int = 5000

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def status(self) -> dict[str, Any] | None:
        """What the local cloud says of itself; None when nothing answers.

        Raises Refused when something else listens on its port, Unreachable when it is stuck.
        """
        from provisimus.http import httpx

        try:
            answer = self._ask("GET", "status", within=10)
            status: dict[str, Any] = answer.json()
        except httpx.ConnectError:
            return None
        except httpx.TimeoutException as error:
            raise Unreachable(
                f"the local cloud at {self.endpoint} does not answer in time", where=str(self.log)
            ) from error
        except (httpx.TransportError, ValueError):
            status = {}
        if "acceleration" not in status:
            raise Refused(
                f"port {self.port} is taken by something that is not the local cloud",
                hint="end it, or choose another port with PROVISIMUS_LOCAL_PORT",
            )
        return status

    def starts_at_once(self) -> int | None:
        """How many stacks with machines are best brought up at a time: an emulated machine keeps
        two cores busy while it boots. None is as many as there are.

        Raises as `status` does.
        """
        acceleration = (self.status() or {}).get("acceleration") or {}
        return None if acceleration.get("name") == "kvm" else max(1, (os.cpu_count() or 1) // 2)

    def up(self, region: str, tell: Tell = silence, *, within: float = 60.0) -> dict[str, Any]:
        """Start it where it does not run, and wait until it is ready. `within` in seconds.

        Raises ToolFailed's kin with the last lines of its log when it ends instead.
        """
        status = self.status()
        if status is not None:
            return self._ours(status)
        from provisimus.process import spawn_detached

        with step(tell, "local cloud", "nothing answers at " + self.endpoint) as outcome:
            said = self.log.stat().st_size if self.log.exists() else 0
            argv = [
                *(sys.executable, "-m", "provisimus.localcloud", "serve"),
                *("--dir", str(self.directory), "--port", str(self.port)),
                *("--registry-port", str(self.registry_port), "--region", region),
            ]
            try:
                pid = spawn_detached(argv, self.log)
            except OSError as error:
                if is_full(error):
                    raise
                raise ProvisimusError(
                    f"{self.directory} cannot be written: {error.strerror}",
                    hint="choose another directory with PROVISIMUS_LOCAL_DIR",
                ) from error
            deadline = time.monotonic() + within
            while time.monotonic() < deadline:
                try:
                    status = self.status()
                except (Unreachable, Refused):
                    # It listens before it has loaded what it needs to answer, and one that cannot
                    # begin (its registry's port is taken, say) hangs up while it is asked.
                    status = None
                if status is not None and status.get("ready"):
                    outcome.result = self.endpoint
                    return self._ours(status)
                if _ended(pid):
                    message, hint = last_error(self._said_since(said))
                    raise ProvisimusError(
                        f"the local cloud did not start: {message}", where=str(self.log), hint=hint
                    )
                time.sleep(0.05)
            raise Unreachable(
                f"the local cloud was not ready within {within:g} s", where=str(self.log)
            )

    def down(self, *, within: float = 90.0) -> bool:
        """Stop it with all that it runs, on whatever port it listens. `within` in seconds.

        False when it did not run. One of another directory is not ours to stop.
        """
        pid = self._runs_as()
        if pid is None:
            return False
        if self._answers_as(pid):
            self._ask("POST", "shutdown", within=30)
        else:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            if not _alive(pid):
                return True
            time.sleep(0.05)
        raise Unreachable(f"the local cloud (process {pid}) does not end", where=str(self.log))

    def reset(self) -> None:
        """Remove its files. Raises Refused while it runs."""
        if self._runs_as() is not None:
            raise Refused("the local cloud is running", hint="stop it first: provisimus local down")
        from provisimus.process import run

        # Removing through a mount would empty what is mounted; a killed build may leave its own.
        for place in mounts_below(self.directory, Path("/proc/mounts").read_text()):
            run(["umount", "--lazy", place], hint="unmount it as root")
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def worlds(self) -> list[dict[str, str]]:
        """The worlds that are kept: name, when (UTC), by what version. The oldest first."""
        found: list[dict[str, str]] = json.loads(self._arrange("worlds"))
        return found

    def freeze(self, name: str) -> None:
        """Keep the world under a name. Raises Refused (runs, name taken or none)."""
        self._arrange("freeze", name)

    def thaw(self, name: str) -> None:
        """Put a kept world in the place of this one. Raises Refused (runs, none of the name)."""
        self._arrange("thaw", name)

    def forget(self, name: str) -> None:
        """Keep a world no longer. Raises Refused (runs, none of the name)."""
        self._arrange("forget", name)

    def _arrange(self, *arguments: str) -> str:
        from provisimus.process import run

        command, *names = arguments
        argv = [sys.executable, "-m", "provisimus.localcloud", command]
        try:
            return run([*argv, "--dir", str(self.directory), *names]).stdout
        except ToolFailed as error:
            message, hint = last_error(error.tail)
            raise Refused(message, hint=hint) from error

    def command(self, method: str, what: str, order: Mapping[str, Any] | None = None) -> Any:
        """Ask its control API for something; the answer's JSON. Raises UsageFault, Unreachable."""
        from provisimus.http import httpx

        try:
            answer = self._ask(method, what, within=10, order=order)
        except httpx.TransportError as error:
            raise Unreachable("the local cloud does not answer", hint=HINT) from error
        given: Any = answer.json()
        if answer.status_code != 200:
            raise UsageFault(given["error"], hint=given.get("hint") or None)
        return given

    def ensure_base(self, request: Mapping[str, Any], tell: Tell = silence) -> str:
        """The id of a base AMI, built when it is not there yet. Minutes the first time."""
        from provisimus.http import httpx, trusting_nobody

        name = str(request["name"])
        answer: dict[str, Any] = {}
        url = f"{self.endpoint}/_localcloud/bases"
        try:
            with httpx.stream(
                "POST",
                url,
                json=dict(request),
                timeout=1800,
                trust_env=False,
                verify=trusting_nobody(),
            ) as lines:
                for line in lines.iter_lines():
                    answer = json.loads(line)
                    if "text" in answer:
                        tell(Said(f"base {name}", answer["text"]))
        except httpx.TransportError as error:
            raise Unreachable(
                f"the local cloud broke off while it built base {name}: {error}", hint=HINT
            ) from error
        if "image_id" not in answer:
            message = answer.get("error", "the local cloud said nothing more")
            raise ProvisimusError(
                f"base {name} could not be built: {message}",
                hint=answer.get("hint"),
                where=str(self.log),
            )
        return str(answer["image_id"])

    def docker_host(self) -> str:
        """Where a Docker Engine answers (`unix://…`); a private one is started if none does."""
        from provisimus.http import httpx

        try:
            answer = self._ask("POST", "docker", within=120)
        except httpx.TransportError as error:
            raise Unreachable("the local cloud does not answer", hint=HINT) from error
        given: dict[str, Any] = answer.json()
        if "host" not in given:
            raise Unreachable(
                "there is no Docker Engine: " + str(given.get("error", "none could be started")),
                hint=given.get("hint") or "provisimus doctor says what is missing",
            )
        return str(given["host"])

    def console(self, instance: str) -> str:
        """The serial console of an instance. Raises NotFound."""
        answer = self._ask("GET", f"instances/{instance}/console", within=10)
        if answer.status_code != 200:
            raise NotFound(f"there is no console of {instance}")
        return answer.text

    def _ask(
        self, method: str, what: str, *, within: float, order: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """One question to the control API; `within` in seconds. Raises httpx's own errors."""
        from provisimus.http import httpx, trusting_nobody

        url = f"{self.endpoint}/_localcloud/{what}"
        return httpx.request(
            *(method, url),
            json=dict(order) if order is not None else None,
            timeout=within,
            trust_env=False,
            verify=trusting_nobody(),
        )

    def _ours(self, status: dict[str, Any]) -> dict[str, Any]:
        theirs = Path(status.get("directory", self.directory))
        if theirs.resolve() != self.directory.resolve():
            raise Refused(
                f"port {self.port} is taken by another local cloud, of {theirs}",
                hint="stop that one, or choose another port with PROVISIMUS_LOCAL_PORT",
            )
        return status

    def _runs_as(self) -> int | None:
        """The process that holds the directory, by the lock that ends with it."""
        try:
            with (self.directory / "pid").open() as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    said = lock.read().strip()
                    # Just begun, it has not written its number over that of the one before.
                    return int(said) if said and _serves(int(said)) else None
        except FileNotFoundError:
            pass
        return None

    def _answers_as(self, pid: int) -> bool:
        try:
            status = self.status()
        except (Refused, Unreachable):
            return False
        return status is not None and status["pid"] == pid

    def _said_since(self, offset: int) -> list[str]:
        try:
            with self.log.open("rb") as log:
                log.seek(offset)
                return [line for line in log.read().decode(errors="replace").splitlines() if line]
        except OSError:
            return []


def last_error(lines: Sequence[str]) -> tuple[str, str | None]:
    """What a process that ended said of it, and its hint where it gave one. Pure."""
    hint = None
    for line in reversed(lines):
        if not line.startswith("hint: "):
            return line.removeprefix("error: "), hint
        hint = line.removeprefix("hint: ")
    return "it said nothing", hint


def mounts_below(folder: Path, mounts: str) -> list[str]:
    """The mount points below a folder in the text of /proc/mounts, the deepest first. Pure."""
    places = [line.split(" ")[1].replace("\\040", " ") for line in mounts.splitlines()]
    return sorted((each for each in places if each.startswith(f"{folder}/")), key=len)[::-1]


def from_environment(registry_url: str, variables: Mapping[str, str] = os.environ) -> LocalCloud:
    """The local cloud that PROVISIMUS_LOCAL_DIR and its kin name, else the usual one.

    Raises UsageFault for a port that is none.
    """
    state = Path(variables.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    directory = variables.get("PROVISIMUS_LOCAL_DIR")
    host, _, port = registry_url.partition("/")[0].rpartition(":")
    if host not in ("127.0.0.1", "localhost"):
        port = ""
    return LocalCloud(
        Path(directory).resolve() if directory else state / "provisimus" / "local",
        _port("PROVISIMUS_LOCAL_PORT", variables) or 4800,
        _port("PROVISIMUS_LOCAL_REGISTRY_PORT", variables) or int(port if port.isdigit() else 5000),
    )


def _port(name: str, variables: Mapping[str, str]) -> int | None:
    given = variables.get(name)
    if not given:
        return None
    if not (given.isascii() and given.isdigit() and 0 < int(given) < 65536):
        raise UsageFault(f"{name} is {given!r}; a port is a number from 1 to 65535")
    return int(given)


def _serves(pid: int) -> bool:
    try:
        return b"provisimus.localcloud" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return not _zombie(pid)


def _zombie(pid: int) -> bool:
    """Whether it has ended and is only not waited for. Its first thread may be over before the
    others, and then what it listens at is still open (proc(5), `/proc/pid/task`)."""
    process = Path(f"/proc/{pid}")
    try:
        state = (process / "stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z" and len(list((process / "task").iterdir())) == 1
    except OSError:
        return False


def _ended(pid: int) -> bool:
    try:
        ended, _ = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return not _alive(pid)
    return ended == pid
