"""A real HAProxy on loopback, and simple servers as its targets."""

from __future__ import annotations

import http.server
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.ports import free_port

from provisimus.localcloud.balancers.haproxy import HAProxy
from provisimus.localcloud.balancers.health import Health, health
from provisimus.localcloud.balancers.model import (
    Action,
    Balancer,
    Forward,
    Group,
    HealthCheck,
    Listener,
    Share,
    Target,
)
from provisimus.localcloud.machines import Machines
from provisimus.localcloud.processes import Nursery

QUICK = HealthCheck(path="/health", interval=1, timeout=1, healthy=2, unhealthy=2)


def eventually(condition: Callable[[], Any], within: float = 20) -> Any:
    deadline = time.monotonic() + within
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.05)
    return found


@dataclass
class Server:
    """A target that answers with its name, and with `status` when asked for its health.

    While `slow` is set, requests for `/slow` wait until it is cleared.
    """

    name: str
    port: int = field(default_factory=free_port)
    status: int = 200
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    begun: threading.Event = field(default_factory=threading.Event)
    _server: Any = None

    def start(self) -> None:
        told = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                told.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                if self.path == "/slow":
                    told.begun.set()
                    told.go.wait(30)
                body = told.name.encode()
                self.send_response(told.status if self.path == "/health" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.handle_error = lambda *_: None
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    @property
    def target(self) -> Target:
        return Target(self.name, "127.0.0.1", self.port)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Two of them."""
    made = [Server("i-1"), Server("i-2")]
    for each in made:
        each.start()
    yield made
    for each in made:
        each.go.set()
        each.stop()


@pytest.fixture
def proxy() -> Iterator[HAProxy]:
    if shutil.which("haproxy", path="/usr/sbin:/usr/bin") is None:
        pytest.skip("haproxy is not installed")
    folder = Path(tempfile.mkdtemp(prefix="elb-"))  # a short path, for its socket
    made = HAProxy(Nursery(), folder / "b", folder / "log", owner=Machines.owner())
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


def balancer(
    port: int, *servers: Server, check: HealthCheck = QUICK, action: Action | None = None
) -> Balancer:
    group = Group("tg.1", tuple(each.target for each in servers), check=check)
    listener = Listener(port, action or Forward((Share("tg.1"),)))
    return Balancer("one", ("127.0.0.1",), (listener,), (group,))


def healths(proxy: HAProxy) -> dict[str, Health]:
    """By target; empty while HAProxy does not answer."""
    try:
        return {each.name: health(each) for each in proxy.look()}
    except OSError:
        return {}


def all_healthy(proxy: HAProxy, number: int) -> Callable[[], bool]:
    return lambda: [each.state for each in healths(proxy).values()] == ["healthy"] * number
