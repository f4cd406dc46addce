"""Every image of the example, built by the command line, started as a container, and put to work.

Vendors' files come through the machine's own Maven, as a user would import them.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from tests.rehearsal.company import deliver
from tests.rehearsal.house import House
from tests.rehearsal.stomp import stomp

NEEDED = ("mvn", "javac", "git", "mmdebstrap", "docker-registry", "dockerd", "docker")
MISSING = [
    name for name in NEEDED if shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin") is None
]
WITHIN = 120.0
"""Seconds until a container must serve; a machine with much else to do takes its time."""

pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")


@pytest.fixture(scope="module")
def built(house: House) -> Iterator[dict[str, str]]:
    """Every image by name, as a reference by digest."""
    house.commit("acme-docker", "The first of acme-docker")
    deliver(house)
    made = house.data("image", "build", "--all")["images"]
    references = {each["name"]: each["reference"] for each in made}
    host = next(
        each["host"]
        for each in house.data("local", "status")["services"]
        if each["name"] == "docker"
    )
    os.environ["DOCKER_HOST"], before = host, os.environ.get("DOCKER_HOST")
    yield references
    del os.environ["DOCKER_HOST"]
    if before is not None:
        os.environ["DOCKER_HOST"] = before


def test_nothing_is_built_twice(house: House, built: dict[str, str]) -> None:
    assert set(built) == {each["name"] for each in house.data("image", "list")}
    assert not house.data("image", "build", "--all")["changed"]


def test_greeter_greets(built: dict[str, str]) -> None:
    with running(built["greeter"], 8080) as (port,):
        assert "Hello from greeter 1.0.0" in soon(lambda: get(port, "/"))


def steps_of(image: str) -> str:
    """The instructions that made an image's layers."""
    return docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)


def test_spring_boot_keeps_prices(built: dict[str, str]) -> None:
    with running(built["catalog"], 8080) as (port,):
        assert soon(lambda: get(port, "/actuator/health")) == '{"status":"UP"}'
        url = f"http://127.0.0.1:{port}/prices/tea"
        httpx.put(url, json=250, timeout=30, trust_env=False).raise_for_status()
        assert get(port, "/prices") == '{"tea":250}'
    # Its manifest says `layers: auto`.
    steps = steps_of(built["catalog"])
    assert "# dependencies" in steps
    assert "# application" in steps


def test_hazelcast_keeps_a_map_entry(built: dict[str, str]) -> None:
    open_data = [
        *("--env", "HZ_NETWORK_RESTAPI_ENABLED=true"),
        *("--env", "HZ_NETWORK_RESTAPI_ENDPOINTGROUPS_DATA_ENABLED=true"),
    ]
    with running(built["hazelcast"], 5701, options=open_data) as (port,):
        soon(lambda: get(port, "/hazelcast/health/ready"))
        path = "/hazelcast/rest/maps/notes/first"
        url = f"http://127.0.0.1:{port}{path}"
        httpx.post(url, content="hello", timeout=30, trust_env=False).raise_for_status()
        assert get(port, path) == "hello"


def test_activemq_hands_a_message_on(built: dict[str, str]) -> None:
    with running(built["activemq"], 61613) as (port,):
        soon(lambda: stomp(port, "/queue/notes"))
        stomp(port, "/queue/notes", send="hello from one")
        assert stomp(port, "/queue/notes", receive=True) == "hello from one"
    # So does this one's, and what is in it is an archive.
    steps = steps_of(built["activemq"])
    assert "# libraries" in steps
    assert "# own libraries" in steps


def test_node_exporter_tells_figures(built: dict[str, str]) -> None:
    with running(built["node-exporter"], 9100) as (port,):
        assert "node_memory_MemTotal_bytes" in soon(lambda: get(port, "/metrics"))


def test_the_log_shipper_sends_what_another_container_says(built: dict[str, str]) -> None:
    root = docker("info", "--format", "{{.DockerRootDir}}")
    with socket.create_server(("127.0.0.1", 0)) as receiver:
        receiver.settimeout(WITHIN)
        options = [
            *("--network", "host", "--volume", f"{root}/containers:/containers:ro"),
            *("--env", f"LOG_PORT={receiver.getsockname()[1]}"),
        ]
        with running(built["log-shipper"], options=options):
            said = ["--entrypoint", "/bin/sh", built["jre"], "-c", "echo it was a bright cold day"]
            speaker = docker("run", "--detach", *said)
            try:
                connection, _ = receiver.accept()
                with connection:
                    connection.settimeout(WITHIN)
                    got = b""
                    while b"bright cold day" not in got:
                        got += connection.recv(4096) or b"(hung up) bright cold day"
            finally:
                docker("rm", "--force", speaker)
    # <priority>version time container stream - - - text (RFC 5424)
    told = rf"<134>1 \S+ {speaker[:12]} stdout - - - it was a bright cold day"
    assert re.search(told, got.decode()), got


@contextmanager
def running(image: str, *ports: int, options: list[str] | None = None) -> Iterator[tuple[int, ...]]:
    """A container of the image; the ports of this machine that lead to its own."""
    published = [part for port in ports for part in ("--publish", f"127.0.0.1::{port}")]
    container = docker("run", "--detach", *published, *(options or []), image)
    try:
        yield tuple(
            int(docker("port", container, str(port)).splitlines()[0].rpartition(":")[2])
            for port in ports
        )
    except BaseException:
        print(docker("logs", container))  # noqa: T201 - read when it fails
        raise
    finally:
        docker("rm", "--force", "--volumes", container)


def docker(*arguments: str) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip() or done.stderr.strip()


def soon(ask: Callable[[], str]) -> str:
    """The first answer, asked for again while the container starts."""
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            return ask()
        except (httpx.HTTPError, OSError) as error:
            if time.monotonic() > deadline:
                raise AssertionError(f"nothing serves: {error}") from error
            time.sleep(0.5)


def get(port: int, path: str) -> str:
    answer = httpx.get(f"http://127.0.0.1:{port}{path}", timeout=30, trust_env=False)
    answer.raise_for_status()
    return answer.text
