# ruff: noqa: INP001, T201 - a script that prints
"""A changed fat JAR → in the registry: ours beside what one would take instead, in one run.

    python benchmarks/images/jar_changed.py [--rounds 5] [--megabytes 60] [--docker-host unix://…]

`docker build` and `docker push` with the classic builder and with BuildKit, buildah, and Jib's
plugin for Maven, each where it is there. Whole processes, interleaved, medians. A docker-registry
is started on a free loopback port, and a private Docker Engine (as root) where none is named.
Prints a table; asserts nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

JIB = "com.google.cloud.tools:jib-maven-plugin:3.4.4:build"
POM = """\
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>com.acme</groupId><artifactId>greeter</artifactId><version>1.0.0</version>
</project>
"""
DOCKERFILE = 'FROM {base}\nCOPY greeter-1.0.0.jar /app/greeter.jar\nENTRYPOINT ["java"]\n'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--docker-host")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as scratch:
        folder = Path(scratch)
        with registry(folder) as port, engine(folder, asked.docker_host) as host:
            rounds = measure(folder, port, host, asked.rounds, asked.megabytes)
    report(rounds, asked.megabytes)


def measure(
    folder: Path, port: int, host: str | None, rounds: int, megabytes: int
) -> dict[str, list[float]]:
    workspace = make_workspace(folder, port)
    environment = {**os.environ, "PROVISIMUS_LOCAL_REGISTRY_PORT": str(port), "CI": "1"}
    shim = folder / "shim.py"
    shim.write_text("from provisimus.cli import main\nmain()\n")
    provisimus = [sys.executable, str(shim)]
    build = [*provisimus, "image", "build", "greeter@1.0.0", "-q", "-C", str(workspace)]
    contents = Contents(megabytes)
    contents.publish(workspace, provisimus)
    run(build, environment)
    base = f"127.0.0.1:{port}/base:1"

    def ours() -> None:
        run(build, environment)

    def docker(buildkit: str, client: str = "docker") -> Callable[[], None]:
        target = f"127.0.0.1:{port}/docker-{buildkit}:1"

        def once() -> None:
            context = folder / "context"
            command = [client, *(["--host", host] if host else [])]
            settings = {**environment, "DOCKER_BUILDKIT": buildkit}
            run([*command, "build", "-q", "-t", target, str(context)], settings)
            run([*command, "push", "-q", target], settings)

        return once

    def buildah() -> None:
        target = f"127.0.0.1:{port}/buildah:1"
        storage = ["buildah", "--root", f"{folder}/buildah", "--runroot", f"{folder}/buildah-run"]
        plain = "--tls-verify=false"
        run([*storage, "build", "-q", plain, "-t", target, str(folder / "context")], environment)
        run([*storage, "push", "-q", plain, target], environment)

    def jib() -> None:
        # Its own way with a fat JAR: the packaged file as it is.
        options = {
            "jib.from.image": base,
            "jib.to.image": f"127.0.0.1:{port}/jib:1",
            "jib.containerizingMode": "packaged",
            "jib.container.mainClass": "com.acme.Greeter",
            "jib.allowInsecureRegistries": "true",
        }
        given = [f"-D{name}={value}" for name, value in options.items()]
        run(["mvn", "-q", "-B", "-f", str(folder / "jib"), JIB, *given], environment)

    lanes: dict[str, Callable[[], None]] = {"provisimus": ours}
    (folder / "context").mkdir()
    (folder / "context" / "Dockerfile").write_text(DOCKERFILE.format(base=base))
    (folder / "jib" / "target" / "classes").mkdir(parents=True)
    (folder / "jib" / "pom.xml").write_text(POM)
    if shutil.which("buildah"):
        lanes["buildah"] = buildah
    if shutil.which("mvn"):
        lanes["Jib"] = jib
    if host is not None or os.environ.get("DOCKER_HOST"):
        lanes["docker, classic"] = docker("0")
        lanes["docker, BuildKit"] = docker("1", client_with_buildkit())
    found: dict[str, list[float]] = {name: [] for name in (*lanes, "provisimus, no change")}
    for number in range(rounds + 1):
        for name in random.sample(sorted(lanes), len(lanes)):
            jar = contents.publish(workspace, provisimus)
            for place in ("context", "jib/target"):
                shutil.copy(jar, folder / place / "greeter-1.0.0.jar")
            try:
                seconds = timed(lanes[name])
            except subprocess.CalledProcessError as error:
                print(f"{name} does not work here: {error.stderr.decode()[-200:]}", file=sys.stderr)
                del lanes[name], found[name]
                continue
            # The first round warms caches up.
            if number:
                found[name].append(seconds)
        run(build, environment)
        if number:
            found["provisimus, no change"].append(timed(ours))
        print(f"round {number} of {rounds}", file=sys.stderr)
    return found


def client_with_buildkit() -> str:
    """From 23 on the client needs its plugin buildx; Debian 12 has 20.10, which needs none."""
    for client in ("docker", "/usr/bin/docker"):
        if shutil.which(client):
            asking = [client, "buildx", "version"]
            plugin = subprocess.run(asking, capture_output=True, check=False).returncode == 0
            said = subprocess.run([client, "--version"], capture_output=True, check=False).stdout
            if plugin or b" version 20." in said:
                return client
    return "docker"


class Contents:
    """A JAR of stored random bytes, as a fat JAR is of compressed ones; one entry changes."""

    def __init__(self, megabytes: int) -> None:
        self._libraries = [os.urandom(1 << 20) for _ in range(megabytes)]

    def publish(self, workspace: Path, provisimus: list[str]) -> Path:
        """Another JAR under the same SNAPSHOT-less version: the repository is emptied first."""
        shutil.rmtree(workspace / "artifacts", ignore_errors=True)
        jar = workspace / "greeter-1.0.0.jar"
        with zipfile.ZipFile(jar, "w", zipfile.ZIP_STORED) as archive:
            for index, data in enumerate(self._libraries):
                archive.writestr(f"BOOT-INF/lib/{index}.jar", data)
            archive.writestr("com/acme/Greeter.class", os.urandom(10_000))
        where = ["--coordinates", "com.acme:greeter:1.0.0", "-C", str(workspace)]
        run([*provisimus, "artifact", "publish", str(jar), *where], dict(os.environ))
        return jar


def make_workspace(folder: Path, port: int) -> Path:
    root = folder / "workspace"
    for name in ("base", "greeter"):
        (root / "docker" / name).mkdir(parents=True)
    (root / "provisimus.yaml").write_text(
        f"project: bench\nregistry: {{url: '127.0.0.1:{port}'}}\n"
    )
    (root / "docker/base/manifest.yaml").write_text("version: '1'\n")
    (root / "docker/base/Dockerfile.j2").write_text("FROM scratch\nCOPY filler /usr/lib/filler\n")
    (root / "docker/base/filler").write_bytes(os.urandom(20 << 20))
    (root / "docker/greeter/manifest.yaml").write_text("source: {maven: 'com.acme:greeter'}\n")
    template = DOCKERFILE.format(base='{{ image("base") }}')
    (root / "docker/greeter/Dockerfile.j2").write_text(template)
    return root


@contextmanager
def registry(folder: Path) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    config = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "registry.yml").write_text(json.dumps(config))
    arguments = ["docker-registry", "serve", str(folder / "registry.yml")]
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        wait(lambda: answers(f"http://127.0.0.1:{port}/v2/"))
        try:
            yield port
        finally:
            server.terminate()


@contextmanager
def engine(folder: Path, host: str | None) -> Iterator[str | None]:
    program = shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin")
    if host or os.environ.get("DOCKER_HOST") or program is None or os.geteuid() != 0:
        yield host
        return
    own = f"unix://{folder}/docker.sock"
    arguments = [
        *(program, "--data-root", f"{folder}/docker", "--exec-root", f"{folder}/docker-exec"),
        *("--pidfile", f"{folder}/docker.pid", "--host", own, "--iptables=false"),
    ]
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        asking = ["docker", "--host", own, "version"]
        wait(lambda: subprocess.run(asking, capture_output=True, check=False).returncode == 0)
        try:
            yield own
        finally:
            server.terminate()


def report(found: dict[str, list[float]], megabytes: int) -> None:
    ours = statistics.median(found["provisimus"])
    print(f"\n{megabytes} MB JAR, seconds of whole processes, {len(found['provisimus'])} rounds")
    print(f"{'':<24}{'median':>8}{'lowest':>8}{'ratio':>8}")
    for name, values in found.items():
        median = statistics.median(values)
        print(f"{name:<24}{median:>8.2f}{min(values):>8.2f}{median / ours:>7.1f}x")


def run(arguments: list[str], environment: dict[str, str]) -> None:
    subprocess.run(arguments, env=environment, capture_output=True, check=True)


def timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            sys.exit("a server does not start")
        time.sleep(0.1)


if __name__ == "__main__":
    main()
