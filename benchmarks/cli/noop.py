"""What a command costs that has nothing to do: whole processes beside an empty Python's.

    python benchmarks/cli/noop.py [--rounds 15] [--services 200]

A scratch workspace, a docker-registry and the contract tests' cloud (moto with our CloudFormation
engine; its instances answer, but are no machines) on free loopback ports. One service is taken all
the way first, so that image, machine image and stack have nothing to do. Then every command runs
once a round, in random order, as its console script would. Prints a table; asserts nothing.

`wall` is what a user waits, `cpu` what the process itself computed (user and system): on a machine
that does other things, compare `cpu`. Bytecode is on, whatever PYTHONDONTWRITEBYTECODE says: an
installed package has it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import signal
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
from dataclasses import dataclass
from pathlib import Path

CLOUD = Path(__file__).parents[2] / "tests/contract/stacks/cloud.py"
ACCOUNT, REGION, APP_PORT = "123456789012", "eu-west-1", 18080
FLOOR = "python -c pass"

BUDGETS = {
    "--help": 0.1,
    "--version": 0.1,
    "check": 1.0,
    "image build": 0.3,
    "stack plan": 0.4,
    "plan": 1.0,
    "release": 1.0,
}
"""Seconds of wall clock, by command ("Budgets" in the design)."""
MEMORY = 150
"""Megabytes resident at most."""


@dataclass(frozen=True)
class Cost:
    """One run of one process. Seconds, seconds, megabytes."""

    wall: float
    cpu: float
    resident: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--services", type=int, default=200)
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as scratch:
        folder = Path(scratch)
        with registry(folder) as port, cloud(folder) as endpoint:
            many = make_workspace(folder / "many", port, endpoint, asked.services)
            one = make_workspace(folder / "one", port, endpoint, 0)
            os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "CI": "1"}
            os.environ["PROVISIMUS_ENV"] = "bench"
            # A process of its own: what a child has resident begins with what its parent has.
            releasing = multiprocessing.get_context("spawn").Process(target=release, args=(one,))
            releasing.start()
            releasing.join()
            if releasing.exitcode:
                sys.exit("the release to begin with failed")
            found = measure(folder, commands(one, many), asked.rounds)
    report(found)


def commands(one: Path, many: Path) -> dict[str, list[str]]:
    in_one, greeter = ("-C", str(one)), "greeter@1.0.0"
    return {
        "--help": ["--help"],
        "--version": ["--version"],
        "check": ["check", "-C", str(many)],
        "image build": ["image", "build", greeter, *in_one],
        "stack plan": ["stack", "plan", greeter, "--exit-code", *in_one],
        "plan": ["plan", greeter, "--exit-code", *in_one],
        "release": ["release", greeter, "--yes", *in_one],
    }


def measure(folder: Path, lanes: dict[str, list[str]], rounds: int) -> dict[str, list[Cost]]:
    shim = folder / "shim.py"
    shim.write_text("from provisimus.cli import main\nmain()\n")
    found: dict[str, list[Cost]] = {name: [] for name in (FLOOR, *lanes)}
    whole = {name: [sys.executable, str(shim), *arguments] for name, arguments in lanes.items()}
    whole[FLOOR] = [sys.executable, "-c", "pass"]
    for number in range(rounds + 1):
        for name in random.sample(sorted(whole), len(whole)):
            cost = spent(whole[name])
            # The first round writes bytecode and warms the page cache up.
            if number:
                found[name].append(cost)
        print(f"round {number} of {rounds}", file=sys.stderr)
    return found


def spent(argv: list[str]) -> Cost:
    """Run a program to its end. Anything but status 0 ends the benchmark: something was to do."""
    began = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        actions = [(os.POSIX_SPAWN_DUP2, said.fileno(), to) for to in (1, 2)]
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=actions)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - began
        if status:
            said.seek(0)
            sys.exit(f"{' '.join(argv)}: {status}\n{said.read().decode()}")
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def report(found: dict[str, list[Cost]]) -> None:
    floor = statistics.median(each.wall for each in found[FLOOR])
    print(f"\nwhole processes, {len(found[FLOOR])} rounds; medians in seconds, resident MB at most")
    print(f"{'':<16}{'wall':>8}{'lowest':>8}{'cpu':>8}{'floors':>8}{'budget':>8}{'MB':>6}")
    for name, costs in found.items():
        wall = statistics.median(each.wall for each in costs)
        cpu = statistics.median(each.cpu for each in costs)
        memory = max(each.resident for each in costs)
        budget = BUDGETS.get(name)
        over = ("  over budget" if budget and wall > budget else "") + (
            "  over memory" if memory > MEMORY else ""
        )
        print(
            f"{name:<16}{wall:>8.3f}{min(each.wall for each in costs):>8.3f}{cpu:>8.3f}"
            f"{wall / floor:>7.1f}x{budget or '-':>8}{memory:>6.0f}{over}"
        )


# ---- the scene -----------------------------------------------------------------------------------


def make_workspace(root: Path, port: int, endpoint: str, services: int) -> Path:
    """A greeter on a base, and beside it as many services as asked for, each with a side cart."""
    put(
        root / "provisimus.yaml",
        f"project: bench\nregistry: {{url: '127.0.0.1:{port}'}}\n"
        "bases: {debian-12: {aws: {owner: '136693071363', name: 'debian-12-amd64-*'}}}\n"
        f"environments:\n  bench: {{provider: aws, account: '{ACCOUNT}', region: {REGION}, "
        f"endpoint: '{endpoint}'}}\n",
    )
    put(root / "docker/base/manifest.yaml", "version: '1'\n")
    put(root / "docker/base/Dockerfile.j2", "FROM scratch\nCOPY os-release /etc/\n")
    put(root / "docker/base/os-release", "NAME=bench\n")
    put(root / "docker/shipper/manifest.yaml", "version: '1'\nsource: {debian: {packages: [jq]}}\n")
    for name in ("greeter", *(f"service-{number:03}" for number in range(services))):
        put(
            root / f"docker/{name}/manifest.yaml",
            f"source: {{maven: 'com.acme:{name}:jar'}}\nvars: {{port: {APP_PORT}}}\n"
            f"tests: [{{http: {{port: {APP_PORT}, path: /health}}}}]\n",
        )
        put(
            root / f"docker/{name}/Dockerfile.j2",
            'FROM {{ image("base") }}\nCOPY {{ artifact.file }} /app/app.jar\n'
            'EXPOSE {{ vars.port }}\nENTRYPOINT ["java", "-jar", "/app/app.jar"]\n',
        )
        carts = "" if name == "greeter" else "side_carts: [shipper]\n"
        put(
            root / f"packer/{name}/machine.yaml",
            f"base: debian-12\nmain: {name}\n{carts}"
            f"health: {{http: {{port: {APP_PORT}, path: /health}}, every: 30s}}\n"
            "volumes: [{mount: /data}]\n",
        )
        put(
            root / f"stacks/{name}.yaml",
            "type: service\nversion: 1.0.0\ninstance_type: t3.small\n"
            f"ingress: [{{port: {APP_PORT}, from: 0.0.0.0/0}}]\n"
            "data_volumes: [{mount: /data, size: 1 GiB, snapshots: {every: 24h, keep: 14}}]\n"
            "environments: {bench: {instance_type: t3.medium}}\n",
        )
    return root


def put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def release(root: Path) -> None:
    """Take the greeter all the way, with an AMI that nobody baked in place of the machine image."""
    from provisimus.artifacts import open_repositories, publish
    from provisimus.environment import open_environment
    from provisimus.events import silence
    from provisimus.images import build_image, plan_image
    from provisimus.machines import tags
    from provisimus.model import Commits, Coordinates, ServiceVersion
    from provisimus.release import execute, plan_release
    from provisimus.workspace import open_workspace

    # Its manifest's test needs Java and an engine; the fingerprint does not know of tests.
    manifest = root / "docker/greeter/manifest.yaml"
    manifest.write_text(manifest.read_text().partition("tests:")[0])
    jar = root / "greeter.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Git-Commit: {'a' * 40}\n")
        archive.writestr("com/acme/Greeter.class", os.urandom(10_000))
    workspace = open_workspace(root)
    coordinates = Coordinates("com.acme", "greeter", "jar", "", "1.0.0")
    publish(open_repositories(workspace).each[0], jar, coordinates)
    environment = open_environment(workspace, "bench")
    build_image(plan_image(workspace, environment, "greeter", "1.0.0"), environment, silence, "run")
    asked, commits = ServiceVersion("greeter", "1.0.0"), Commits({})
    machine = plan_release(workspace, environment, asked, until="machine").machine
    assert machine is not None
    given = tags.image_tags(
        *("bench", "greeter", "1.0.0", machine.fingerprint),
        inputs=machine.inputs,
        images={},
        commits=commits,
        base="none",
        run="run",
    )
    ec2 = environment.cloud.ec2
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 8}}
    ami = ec2.register_image(Name="bench", RootDeviceName="/dev/xvda", BlockDeviceMappings=[disk])[
        "ImageId"
    ]
    ec2.create_tags(Resources=[ami], Tags=[{"Key": k, "Value": v} for k, v in given.items()])
    execute(plan_release(workspace, environment, asked), environment, commits, silence, "run")


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
    put(folder / "registry.yml", json.dumps(config))
    program = shutil.which("docker-registry") or sys.exit("docker-registry is not installed")
    argv = [program, "serve", str(folder / "registry.yml")]
    with serving(argv, folder / "registry.log", lambda: answers(f"http://127.0.0.1:{port}/v2/")):
        yield port


@contextmanager
def cloud(folder: Path) -> Iterator[str]:
    ready = folder / "cloud.ready"
    os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
    argv = [sys.executable, str(CLOUD), str(ready)]
    with serving(argv, folder / "cloud.log", ready.exists):
        yield json.loads(ready.read_text())["endpoint"]


@contextmanager
def serving(argv: list[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen(argv, stdout=out, stderr=out) as server:
        try:
            deadline = time.monotonic() + 60
            while not ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{argv[0]} does not start:\n{log.read_text()}")
                time.sleep(0.05)
            yield
        finally:
            server.send_signal(signal.SIGTERM)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    main()
