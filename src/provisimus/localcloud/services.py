"""The servers beside the API: a registry and, when asked for, a Docker Engine of its own.

Each is used where one answers already, started otherwise, and started again when it dies.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from provisimus.localcloud.bridge import make_bridge, remove_bridge
from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout
from provisimus.localcloud.processes import APART, Command, Nursery, end

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0
_LONGEST_SOCKET = 107
"""Bytes of a Unix socket's path, a limit of the kernel."""
SYSTEM_DOCKER = Path("/run/docker.sock")


@dataclass(frozen=True)
class Service:
    """A server to keep running: how it is started and how one knows that it answers."""

    name: str
    command: Command
    answers: Callable[[], bool]
    ready_within: float
    ends_by: signal.Signals = signal.SIGTERM


def pause(failures: int) -> float:
    """Seconds to wait before the next start: longer each time, at most half a minute."""
    return float(min(_LONGEST_PAUSE, 0.5 * 2**failures))


class Supervised:
    """One server, started again with growing pauses until stopped."""

    def __init__(self, nursery: Nursery, service: Service, grace: float = 10) -> None:
        self.service = service
        self._nursery = nursery
        self._grace = grace
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start and wait until it answers. Raises LocalCloudError with the end of its log."""
        self._launch()
        self._thread = threading.Thread(target=self._keep, name=self.service.name, daemon=True)
        if not self._wait():
            how = f"did not answer within {self.service.ready_within:.0f} s"
            if self._process is not None and self._process.poll() is not None:
                how = f"ended with code {self._process.returncode}"
            self.stop()
            raise LocalCloudError(
                f"{self.service.name} {how}: {_last_line(self.service.command.output)}",
                f"its log is {self.service.command.output}",
            )
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._process is not None:
            end(self._process, self._grace, self.service.ends_by)

    @property
    def pid(self) -> int | None:
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if alive and self._process else None

    @property
    def state(self) -> str:
        if self._stopping.is_set():
            return "stopped"
        return "running" if self.pid is not None else "restarting"

    def _launch(self) -> None:
        try:
            self._process = self._nursery.start(self.service.command)
        except OSError as error:
            raise LocalCloudError(
                f"{self.service.name} cannot be started: {error}", "run script/setup"
            ) from error

    def _wait(self) -> bool:
        deadline = time.monotonic() + self.service.ready_within
        while time.monotonic() < deadline and self.pid is not None:
            if self.service.answers():
                return True
            time.sleep(0.05)
        return False

    def _keep(self) -> None:
        failures = 0
        while self._process is not None:
            began = time.monotonic()
            code = self._process.wait()
            if self._stopping.is_set():
                return
            failures = 0 if time.monotonic() - began > 60 else failures + 1
            log.error("%s ended with code %s; starting it again", self.service.name, code)
            if self._stopping.wait(pause(failures)):
                return
            try:
                self._launch()
            except LocalCloudError as error:
                log.error("%s", error.what)
                return


def registry_service(layout: Layout, port: int) -> Service:
    """Debian's docker-registry with its files in the directory, on loopback."""
    layout.registry.mkdir(exist_ok=True)
    settings = layout.root / "registry.json"
    settings.write_text(json.dumps(registry_settings(layout.registry, port), indent=1))
    program = shutil.which("docker-registry") or shutil.which("registry") or "docker-registry"
    return Service(
        "registry",
        Command((program, "serve", str(settings)), output=layout.logs / "registry.log"),
        lambda: registry_answers(port),
        ready_within=15,
    )


def registry_settings(storage: Path, port: int) -> dict[str, object]:
    """The registry's configuration; JSON is YAML, which it reads."""
    return {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {
            "filesystem": {"rootdirectory": str(storage)},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": f"127.0.0.1:{port}", "headers": {"X-Content-Type-Options": ["nosniff"]}},
    }


def registry_answers(port: int) -> bool:
    """Whether a registry answers on this loopback port."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/v2/")
        answer = connection.getresponse()
        version = answer.getheader("Docker-Distribution-Api-Version", "")
        return answer.status in (200, 401) and version.startswith("registry/2")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def port_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def docker_answers(host: str) -> bool:
    """Whether a Docker Engine answers at ``unix://PATH`` or ``tcp://HOST:PORT``."""
    scheme, _, rest = host.partition("://")
    try:
        if scheme == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(2)
            connection.connect(rest)
        else:
            name, _, port = rest.partition(":")
            connection = socket.create_connection((name, int(port or 2375)), 2)
        with connection:
            connection.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b"200 OK" in connection.recv(200)
    except (OSError, ValueError):
        return False


def existing_docker() -> str | None:
    """The engine that answers already, if one does."""
    for host in (os.environ.get("DOCKER_HOST", ""), f"unix://{SYSTEM_DOCKER}"):
        if host and docker_answers(host):
            return host
    return None


def docker_service(layout: Layout) -> Service:
    """A Docker Engine of our own, in a process and mount namespace that dies with it whole."""
    layout.docker.mkdir(exist_ok=True)
    socket_path = layout.docker_socket
    arguments = (
        *APART, "dockerd", "--data-root", str(layout.docker / "data"),
        "--exec-root", str(layout.docker_run), "--pidfile", str(layout.docker / "pid"),
        "--host", f"unix://{socket_path}", "--storage-driver", "overlay2",
        "--group", "root", "--config-file", str(layout.docker / "daemon.json"),
        *(("--bridge", bridge) if (bridge := make_bridge(layout.root)) else ()),
    )  # fmt: skip
    (layout.docker / "daemon.json").write_text("{}\n")
    (layout.docker / "pid").unlink(missing_ok=True)
    return Service(
        "docker",
        Command(arguments, output=layout.logs / "docker.log", death_signal=signal.SIGKILL),
        lambda: docker_answers(f"unix://{socket_path}"),
        ready_within=60,
    )


class Services:
    """The registry and the engine of one local cloud."""

    def __init__(self, nursery: Nursery, layout: Layout, registry_port: int) -> None:
        self._nursery = nursery
        self._layout = layout
        self._port = registry_port
        self._registry: Supervised | None = None
        self._docker: Supervised | None = None
        self._docker_turn = threading.Lock()

    def start_registry(self) -> None:
        """Use the registry that answers on the port, or start one. Raises LocalCloudError."""
        if registry_answers(self._port):
            log.info("a registry answers on port %s already; it is used", self._port)
            return
        if port_taken(self._port):
            raise LocalCloudError(
                f"port {self._port} is taken by something that is not a registry",
                "choose another registry port (PROVISIMUS_LOCAL_REGISTRY_PORT)",
            )
        service = registry_service(self._layout, self._port)
        self._registry = Supervised(self._nursery, service)
        self._registry.start()

    def docker(self) -> str:
        """The address of a Docker Engine, started when none answers. Raises LocalCloudError."""
        with self._docker_turn:
            if self._docker is not None and self._docker.state == "running":
                return f"unix://{self._layout.docker_socket}"
            found = existing_docker()
            if found is not None:
                return found
            if os.geteuid() != 0:
                raise LocalCloudError(
                    "no Docker Engine answers, and only root can start one",
                    "start Docker, or the local cloud with sudo",
                )
            longest = self._layout.docker_run / "containerd" / "containerd-debug.sock"
            if len(str(longest)) > _LONGEST_SOCKET:
                raise LocalCloudError(
                    f"the path of the engine's socket would be too long: {longest}",
                    "choose a shorter directory (PROVISIMUS_LOCAL_DIR)",
                )
            self._layout.docker_socket.unlink(missing_ok=True)
            self._docker = Supervised(self._nursery, docker_service(self._layout), grace=20)
            self._docker.start()
            return f"unix://{self._layout.docker_socket}"

    def status(self) -> list[dict[str, object]]:
        own = self._registry
        registry: dict[str, object] = {
            "name": "registry",
            "state": own.state if own else ("external" if registry_answers(self._port) else "gone"),
            "url": f"http://127.0.0.1:{self._port}",
            "pid": own.pid if own else None,
            "log": str(self._layout.logs / "registry.log") if own else None,
        }
        engine = self._docker
        found = None if engine else existing_docker()
        docker: dict[str, object] = {
            "name": "docker",
            "state": engine.state if engine else ("external" if found else "not started"),
            "host": f"unix://{self._layout.docker_socket}" if engine else found,
            "pid": engine.pid if engine else None,
            "log": str(self._layout.logs / "docker.log") if engine else None,
        }
        return [registry, docker]

    def stop(self) -> None:
        for service in (self._docker, self._registry):
            if service is not None:
                service.stop()
        if self._docker is not None:
            remove_bridge(self._layout.root)


def _last_line(log_file: Path | int | None) -> str:
    if not isinstance(log_file, Path) or not log_file.exists():
        return "it said nothing"
    lines = log_file.read_text(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"
