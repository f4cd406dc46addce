"""What a machine answers over HTTP, by its script with a socket as systemd gives it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest

from provisimus.machines.recipe import SCRIPTS


@pytest.fixture
def script(tmp_path: Path) -> Path:
    (tmp_path / "settings").write_text("url=x\nwithin=60\nevery=30\n")
    text = (SCRIPTS / "machine" / "answer").read_text()
    for there, here in (
        ("/etc/provisimus/health", tmp_path / "settings"),
        ("/run/provisimus/health", tmp_path / "health"),
    ):
        assert there in text
        text = text.replace(there, str(here))
    path = tmp_path / "answer"
    path.write_text(text)
    return path


@contextmanager
def listening(script: Path) -> Iterator[str]:
    """One process for each connection, which is its standard input and output (`Accept=yes`)."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    subprocess.run(
                        ["sh", str(script)], stdin=connection, stdout=connection, check=True
                    )

        Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        server.shutdown(socket.SHUT_RDWR)


def test_it_turns_with_the_service(script: Path, tmp_path: Path) -> None:
    health = tmp_path / "health"

    def says(status: str) -> None:
        health.write_text(json.dumps({"status": status, "detail": "é, as curl says it"}) + "\n")

    with listening(script) as url, httpx.Client(trust_env=False) as client:
        answer = client.get(url)
        assert (answer.status_code, answer.json()) == (503, {"status": "starting"})
        says("healthy")
        answer = client.get(url, headers={"X-Long": "x" * 4000})
        assert (answer.status_code, answer.json()["status"]) == (200, "healthy")
        assert answer.headers["content-type"] == "application/json"
        says("unhealthy")
        answer = client.get(url)
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        says("healthy")
        assert client.head(url).status_code == 200
        assert client.post(url, content=b"x").status_code == 405

        # Nobody asked the service for long: what was true then is not known to be true now.
        long_ago = time.time() - 1000
        os.utime(health, (long_ago, long_ago))
        answer = client.get(url)
        assert answer.status_code == 503
        assert answer.json()["status"] == "unknown"
