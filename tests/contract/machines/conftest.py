"""An EC2 that behaves like AWS's as far as calls and tags go, in this process. Nothing boots."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from provisimus.aws import Cloud
from provisimus.environment import Environment

os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")


@pytest.fixture
def environment() -> Iterator[Environment]:
    """An environment on an empty EC2, without the local cloud around it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", free_port(), verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    try:
        yield Environment(
            "staging",
            Cloud("eu-west-1", None, endpoint, None, ("test", "test")),
            "127.0.0.1:5000",
        )
    finally:
        import httpx

        httpx.post(f"{endpoint}/moto-api/reset", trust_env=False)
        server.stop()


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
