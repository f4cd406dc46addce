"""A local cloud of a test's own: a real process, a fresh directory, free ports, no machines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from tests.ports import free_port

STARTS_WITHIN = 60


@dataclass
class LocalCloud:
    """One process and how to speak to it."""

    directory: Path
    port: int
    registry_port: int
    process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> tuple[str, ...]:
        return (
            sys.executable, "-m", "provisimus.localcloud", "serve", "--dir", str(self.directory),
            "--port", str(self.port), "--registry-port", str(self.registry_port),
        )  # fmt: skip

    def start(self) -> None:
        self.directory.mkdir(exist_ok=True)
        with (self.directory / "log").open("a") as log:
            self.process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, text=True,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            try:
                if self.status()["ready"]:
                    return
            except httpx.HTTPError:
                assert self.process.poll() is None, (self.directory / "log").read_text()
                time.sleep(0.05)
        raise AssertionError((self.directory / "log").read_text())

    def run(self) -> subprocess.CompletedProcess[str]:
        """Start it where it is expected to end by itself."""
        return subprocess.run(
            self.command(), capture_output=True, text=True, timeout=STARTS_WITHIN, check=False
        )

    def status(self) -> Any:
        return httpx.get(f"{self.url}/_localcloud/status", timeout=20).json()

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return httpx.post(f"{self.url}/_localcloud/{path}", json=body, timeout=300)

    def variables(self) -> dict[str, str]:
        """What makes it the local cloud of the command line."""
        return {
            "PROVISIMUS_LOCAL_DIR": str(self.directory),
            "PROVISIMUS_LOCAL_PORT": str(self.port),
            "PROVISIMUS_LOCAL_REGISTRY_PORT": str(self.registry_port),
        }

    def client(self, service: str) -> Any:
        return boto3.client(
            service, endpoint_url=self.url, region_name="eu-west-1",
            aws_access_key_id="test", aws_secret_access_key="test",
        )  # fmt: skip

    def children(self) -> list[int]:
        """Every process below it, at any depth."""
        assert self.process is not None
        found: list[int] = []
        todo = [self.process.pid]
        while todo:
            parent = todo.pop()
            for task in Path(f"/proc/{parent}/task").glob("*/children"):
                below = [int(pid) for pid in task.read_text().split()]
                found += below
                todo += below
        return found

    def keepers(self) -> list[int]:
        """The processes that hold the networks of VPCs."""
        return [
            pid
            for pid in self.children()
            if "networks.keeper" in Path(f"/proc/{pid}/cmdline").read_text()
        ]

    def kill(self) -> None:
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


@pytest.fixture
def stopped_cloud(tmp_path: Path) -> Iterator[LocalCloud]:
    """Not started yet; stopped at the end."""
    cloud = LocalCloud(tmp_path / "cloud", free_port(), free_port())
    yield cloud
    cloud.stop()


@pytest.fixture
def cloud(stopped_cloud: LocalCloud) -> LocalCloud:
    stopped_cloud.start()
    return stopped_cloud


@pytest.fixture(scope="module")
def shared_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One for the tests of a file that neither end it nor leave anything that another would see."""
    made = LocalCloud(tmp_path_factory.mktemp("shared") / "cloud", free_port(), free_port())
    made.start()
    yield made
    made.stop()
