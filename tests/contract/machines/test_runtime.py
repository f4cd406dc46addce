"""Containers of a machine under a real Docker Engine: what the stack gives reaches the main one,
also when it changes, and the engine's disk knows nothing of it; what they log goes where it shall.

The engine is a private one, started as root; without root, dockerd or busybox the test is skipped.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from threading import Thread

import boto3
import pytest
from tests.unit.localcloud.metadata.test_service import DESCRIBED
from tests.unit.ondisk.fake import fake_cloud

from provisimus.localcloud.metadata.description import Options
from provisimus.localcloud.metadata.service import Tokens, exchange
from provisimus.machines.recipe import ONDISK, SCRIPTS
from provisimus.ondisk import logs
from provisimus.ondisk.aws import Client, Metadata
from provisimus.ondisk.places import RUNTIME

PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
SECRET = "s3cret-that-stays-in-memory"
Docker = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Folders of a machine: one on the disk, one in memory, as /run is."""
    program = shutil.which("dockerd", path=PATH)
    needed = [
        program,
        shutil.which("docker"),
        shutil.which("busybox"),
        shutil.which("runc", path=PATH),
    ]
    if os.geteuid() != 0 or not all(needed):
        pytest.skip("needs root, dockerd, docker, runc and busybox")
    with tempfile.TemporaryDirectory(dir="/run", prefix="provisimus-test-") as memory:
        (tmp_path / "memory").symlink_to(memory)
        runtime = machine_of_our_own(tmp_path)
        settings = {"bridge": "none", "runtimes": {RUNTIME: {"path": str(runtime)}}}
        (tmp_path / "daemon.json").write_text(json.dumps(settings))
        yield tmp_path


def machine_of_our_own(folder: Path) -> Path:
    """The scripts with their folders moved; returns the runtime."""
    shutil.copytree(ONDISK, folder / "python/ondisk")
    moved = ("environment", "referring", "handed", "restarted")
    (folder / "python/run").write_text(
        "import importlib, sys\n"
        f"sys.path.insert(0, {str(folder / 'python')!r})\n"
        "from ondisk.places import Places\n"
        "places = Places()\n"
        f"places.references = {str(folder / 'given')!r}\n"
        f"for each in {moved!r}:\n"
        f"    setattr(places, each, {str(folder / 'memory')!r} + '/' + each)\n"
        "program = importlib.import_module('ondisk.' + sys.argv[1])\n"
        "sys.exit(program.main(sys.argv[2:], places))\n"
    )
    text = (SCRIPTS / "machine/runtime").read_text()
    for there, here in (
        ("/etc/provisimus/environment", folder / "given"),
        ("/usr/local/lib/provisimus/python", folder / "python"),
    ):
        assert there in text
        text = text.replace(there, str(here))
    path = folder / "runtime"
    path.write_text(text)
    path.chmod(0o755)
    return path


class Instance(ThreadingTCPServer):
    """The metadata service of an instance of the local cloud, whose role lends keys."""

    daemon_threads = True

    def __init__(self) -> None:
        until = DESCRIBED.profile.credentials.until.replace(year=2999)
        keys = replace(DESCRIBED.profile.credentials, until=until)
        options = Options(tokens_required=True)
        profile = replace(DESCRIBED.profile, credentials=keys)
        self.described = replace(DESCRIBED, profile=profile, options=options)
        self.tokens = Tokens(b"secret")
        super().__init__(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Asked(BaseRequestHandler):
    def handle(self) -> None:
        data, instance = b"", self.server
        assert isinstance(instance, Instance)
        while more := self.request.recv(65536):
            data += more
            if answer := exchange(data, instance.described, instance.tokens, time.time()):
                self.request.sendall(answer.content)
                return


@pytest.fixture
def instance() -> Iterator[Instance]:
    with Instance() as made:
        Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def docker(place: Path, instance: Instance) -> Iterator[Docker]:
    # A path of a socket may have 107 bytes, and pytest's folders are longer.
    memory = (place / "memory").resolve()
    host = f"unix://{memory}/d.sock"
    with (place / "log").open("wb") as log:
        engine = subprocess.Popen(
            [
                "dockerd", "--config-file", str(place / "daemon.json"),
                "--data-root", str(place / "data"), "--exec-root", f"{memory}/exec",
                "--pidfile", f"{memory}/pid", "--host", host, "--storage-driver", "vfs",
                "--iptables=false", "--ip6tables=false",
            ],
            stdout=log, stderr=log,
            env={"PATH": PATH, "AWS_EC2_METADATA_SERVICE_ENDPOINT": instance.url},
        )  # fmt: skip

    def call(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["docker", "--host", host, *arguments], input=given, capture_output=True, check=False
        )
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    try:
        deadline = time.monotonic() + 60
        while call("info").returncode:
            if engine.poll() is not None or time.monotonic() > deadline:
                said = (place / "log").read_text(errors="replace").splitlines()[-1:]
                pytest.fail(f"dockerd does not start here: {said}")
            time.sleep(0.1)
        yield call
    finally:
        engine.terminate()
        engine.wait()


def test_the_stacks_environment_reaches_the_container_and_no_disk(
    place: Path, docker: Docker
) -> None:
    (place / "given").write_text("{}")
    create(place, docker, "--env", "MODE=baked", "--env", "KEPT=baked")

    early = docker("start", "main")
    assert early.returncode != 0
    assert "the settings of the stack are not there yet" in early.stderr

    values = {"MODE": "blue", "PASSWORD": SECRET}
    (place / "memory/environment").write_text(json.dumps(values))
    assert docker("start", "main").returncode == 0
    assert {"MODE=blue", "KEPT=baked", f"PASSWORD={SECRET}"} <= seen(place)
    assert SECRET not in docker("inspect", "main").stdout
    found = subprocess.run(
        ["grep", "-rlF", SECRET, str(place / "data")], capture_output=True, text=True, check=False
    )
    assert found.stdout == "", "the engine's disk"

    # What changed is there after a restart; what crashed comes back with what is there.
    (place / "memory/environment").write_text(json.dumps({**values, "MODE": "green"}))
    (place / "memory/environment-seen").unlink()
    assert docker("restart", "--time", "0", "main").returncode == 0
    assert "MODE=green" in seen(place)
    assert docker("rm", "--force", "main").returncode == 0


def test_a_rotated_password_reaches_the_container_that_runs(
    place: Path, docker: Docker, endpoint: str
) -> None:
    """By the program that the timer starts: its cloud is a server that speaks as AWS does."""
    secrets = boto3.client(
        "secretsmanager", region_name="eu-west-1", endpoint_url=endpoint,
        aws_access_key_id="x", aws_secret_access_key="y",
    )  # fmt: skip
    name = f"acme/{place.name}"
    secrets.create_secret(Name=name, SecretString=json.dumps({"password": SECRET}))
    (place / "given").write_text(
        json.dumps({"MODE": "blue", "PASSWORD": f"${{secret:{name}#password}}"})
    )
    create(place, docker)
    with fake_cloud() as machine:
        machine.metadata["meta-data/services/endpoint-url"] = endpoint

        def settings(verb: str) -> list[str]:
            done = subprocess.run(
                ["python3", "-I", "-S", str(place / "python/run"), "settings", verb],
                env={
                    "PATH": PATH,
                    "DOCKER_HOST": f"unix://{(place / 'memory').resolve()}/d.sock",
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": machine.url,
                },
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert (done.returncode, done.stderr) == (0, "")
            assert SECRET not in done.stdout
            return done.stdout.splitlines()

        assert settings("fetch") == ["2 settings: MODE, PASSWORD"]
        assert docker("start", "main").returncode == 0
        assert f"PASSWORD={SECRET}" in seen(place)
        assert settings("refresh") == []
        running = "{{.State.Pid}}"
        before = docker("inspect", "--format", running, "main").stdout

        rotated = f"{SECRET}-another"
        secrets.put_secret_value(SecretId=name, SecretString=json.dumps({"password": rotated}))
        (place / "memory/environment-seen").unlink()
        assert settings("refresh") == ["PASSWORD changed; starting 1 containers anew"]
        assert {f"PASSWORD={rotated}", "MODE=blue"} <= seen(place)
        after = docker("inspect", "--format", running, "main").stdout
        assert after != before
        assert settings("refresh") == []
        assert docker("inspect", "--format", running, "main").stdout == after
    found = subprocess.run(
        ["grep", "-rlF", SECRET, str(place / "data")], capture_output=True, text=True, check=False
    )
    assert found.stdout == "", "the engine's disk"
    assert docker("rm", "--force", "main").returncode == 0


def create(place: Path, docker: Docker, *options: str) -> None:
    """The container `main`, which writes its environment down as it starts; not started yet."""
    loaded = docker("import", "-", "box:1", given=busybox())
    assert loaded.returncode == 0, loaded.stderr
    # The first process of a container ends by no signal that it does not wait for.
    command = (
        "trap 'exit 0' TERM; /busybox env >/memory/environment-seen; /busybox sleep 1000 & wait"
    )
    made = docker(
        *("create", "--name", "main", "--network", "none", "--runtime", RUNTIME),
        *("--restart", "always", "--volume", f"{(place / 'memory').resolve()}:/memory"),
        *(*options, "box:1", "/busybox", "sh", "-c", command),
    )
    assert made.returncode == 0, made.stderr


def test_what_containers_log_is_in_the_log_group_and_on_the_machine(
    place: Path, docker: Docker, endpoint: str, instance: Instance
) -> None:
    """By the engine's own driver, the options that the machine gives it and the keys of the role;
    also when nobody takes the lines."""
    api = boto3.client(
        "logs", region_name="eu-west-1", endpoint_url=endpoint,
        aws_access_key_id="x", aws_secret_access_key="y",
    )  # fmt: skip
    group = f"acme-{place.name}"
    api.create_log_group(logGroupName=group)
    assert docker("import", "-", "box:1", given=busybox()).returncode == 0
    for name, there in (("main", endpoint), ("lost", "http://127.0.0.1:1")):
        instance.described = replace(instance.described, endpoint=there)
        options = logs.common(group, Client(Metadata(instance.url)))
        told = logs.override([name], "i-1", options)["services"][name]["logging"]
        lines = "/busybox seq 1 3000; echo bye >&2; exec /busybox sleep 1000"
        began = docker(
            *("run", "--detach", "--name", name, "--network", "none"),
            *("--log-driver", told["driver"]),
            *(word for each in told["options"].items() for word in ("--log-opt", "=".join(each))),
            *("box:1", "/busybox", "sh", "-c", lines),
        )
        assert began.returncode == 0, began.stderr

    def shipped() -> list[str]:
        pages = api.get_paginator("filter_log_events").paginate(logGroupName=group)
        return [
            each["message"]
            for page in pages
            for each in page["events"]
            if each["logStreamName"] == "i-1/main"
        ]

    await_that(lambda: len(shipped()) == 3001)
    assert sorted(shipped()) == sorted([*map(str, range(1, 3001)), "bye"])
    # The order of two pipes is not kept.
    for name in ("main", "lost"):
        await_that(lambda n=name: docker("logs", n).stderr == "bye\n")
    assert docker("rm", "--force", "main", "lost").returncode == 0
    (stream,) = api.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream["logStreamName"] == "i-1/main"


def await_that(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def seen(place: Path) -> set[str]:
    """What the container sees as its environment, once it has written it down."""
    path = place / "memory/environment-seen"
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if path.exists() and "PATH=" in path.read_text():
            return set(path.read_text().splitlines())
        time.sleep(0.05)
    raise AssertionError("the container wrote nothing")


def busybox() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(str(shutil.which("busybox")), "busybox")
    return packed.getvalue()
