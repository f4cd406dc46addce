"""What the benchmarks of images share: a docker-registry, Docker Engine, processes and clocks."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """Of one run of one process: what one waits, and what it computed itself; in seconds."""

    wall: float
    cpu: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.wall + other.wall, self.cpu + other.cpu)


class Provisimus:
    """The command line as its console script starts it, against the registry on `port`."""

    def __init__(self, folder: Path, port: int) -> None:
        shim = folder / "shim.py"
        shim.write_text("from provisimus.cli import main\nmain()\n")
        self._program = [sys.executable, str(shim)]
        self.environment = {
            **os.environ,
            "PROVISIMUS_LOCAL_REGISTRY_PORT": str(port),
            "CI": "1",
        }
        # An installed package has its bytecode.
        self.environment.pop("PYTHONDONTWRITEBYTECODE", None)

    def __call__(self, workspace: Path, *arguments: str) -> Cost:
        return spent([*self._program, *arguments, "-C", str(workspace)], self.environment)


def spent(argv: list[str], environment: dict[str, str]) -> Cost:
    """Run a program to its end. Raises CalledProcessError for any status but 0."""
    program = shutil.which(argv[0]) or argv[0]
    with tempfile.TemporaryFile() as said:
        actions = [(os.POSIX_SPAWN_DUP2, said.fileno(), to) for to in (1, 2)]
        began = time.perf_counter()
        pid = os.posix_spawn(program, argv, environment, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        if status:
            said.seek(0)
            raise subprocess.CalledProcessError(status, argv, stderr=said.read())
    return Cost(wall, used.ru_utime + used.ru_stime)


def put(path: Path, content: str | bytes | memoryview) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        yield Path(folder)


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    """A docker-registry on a free loopback port."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    put(folder / "registry.yml", json.dumps(config))
    arguments = ["docker-registry", "serve", str(folder / "registry.yml")]
    with _server(arguments, lambda: _answers(f"http://127.0.0.1:{port}/v2/")):
        yield port


@contextmanager
def engine(folder: Path, host: str | None) -> Iterator[str | None]:
    """The Docker Engine that is named, else a private one (as root), else none."""
    program = shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin")
    if host or os.environ.get("DOCKER_HOST") or program is None or os.geteuid() != 0:
        yield host or os.environ.get("DOCKER_HOST")
        return
    own = f"unix://{folder}/docker.sock"
    arguments = [
        *(program, "--data-root", f"{folder}/docker", "--exec-root", f"{folder}/docker-exec"),
        *("--pidfile", f"{folder}/docker.pid", "--host", own, "--iptables=false"),
    ]
    asking = ["docker", "--host", own, "version"]
    with _server(
        arguments, lambda: subprocess.run(asking, capture_output=True, check=False).returncode == 0
    ):
        yield own


@contextmanager
def _server(arguments: list[str], ready: Callable[[], bool]) -> Iterator[None]:
    quiet = subprocess.DEVNULL
    with subprocess.Popen(arguments, stdout=quiet, stderr=quiet) as server:
        try:
            deadline = time.monotonic() + 60
            while not ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{arguments[0]} does not start")
                time.sleep(0.1)
            yield
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False
