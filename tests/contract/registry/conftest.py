"""A guarded docker-registry, and one in memory that misbehaves on purpose."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Serve


@pytest.fixture
def guarded_url(tmp_path: Path, serve_registry: Serve) -> Iterator[str]:
    """One that wants user and password: `ci` and `secret`."""
    users = tmp_path / "htpasswd"
    users.write_text("ci:$2b$04$GT6dQog2PVK2kRqYTtXqPO0Nra6KqSpSQxv2OpStMlvMYqIkw5QE6\n")
    auth = {"auth": {"htpasswd": {"realm": "here", "path": str(users)}}}
    with serve_registry(tmp_path, auth) as url:
        yield url


@dataclass
class Misbehaving:
    """A small registry in memory. Each fault hits the next request of its method and path.

    A fault is (method, part of the path, what): "cut" closes the connection in the middle of the
    body, "forget" answers 404, "lie" sends other bytes, a number is a status.
    """

    url: str = ""
    faults: deque[tuple[str, str, str | int]] = field(default_factory=deque)
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)

    def fault(self, method: str, path: str) -> str | int | None:
        if self.faults and self.faults[0][0] == method and self.faults[0][1] in path:
            return self.faults.popleft()[2]
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Misbehaving

    def log_message(self, *args: object) -> None:
        pass

    def handle_one(self) -> None:
        url = urlsplit(self.path)
        self.state.seen.append(f"{self.command} {url.path}")
        fault = self.state.fault(self.command, url.path)
        if fault == "cut":
            if self.command == "PATCH":
                self.rfile.read(100)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        body = self.read_body()
        if isinstance(fault, int):
            self.answer(fault)
        elif fault == "forget":
            self.answer(404, {"errors": []})
        else:
            self.route(url.path, parse_qs(url.query), body, lie=fault == "lie")

    do_GET = do_HEAD = do_POST = handle_one  # noqa: N815 - as http.server calls them
    do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def route(self, path: str, query: dict[str, list[str]], body: bytes, *, lie: bool) -> None:
        state, name = self.state, path.rpartition("/")[2]
        if path == "/v2/":
            self.answer(200, {})
        elif "/blobs/uploads/" in path and self.command == "POST":
            key = uuid.uuid4().hex
            state.uploads[key] = b""
            self.answer(202, headers={"location": f"{path.partition('?')[0]}{key}"})
        elif "/blobs/uploads/" in path and self.command == "PATCH":
            state.uploads[name] += body
            self.answer(202, headers={"location": path})
        elif "/blobs/uploads/" in path:
            data = state.uploads.pop(name) + body
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            if query["digest"] != [digest]:
                self.answer(400, {"errors": [{"code": "DIGEST_INVALID"}]})
                return
            state.blobs[digest] = data
            self.answer(201, headers={"location": path})
        elif "/blobs/" in path:
            self.content(state.blobs.get(name), "application/octet-stream", lie=lie)
        elif "/manifests/" in path and self.command == "PUT":
            digest = "sha256:" + hashlib.sha256(body).hexdigest()
            state.manifests[name] = state.manifests[digest] = body
            self.answer(201, headers={"docker-content-digest": digest})
        elif "/manifests/" in path:
            kind = "application/vnd.oci.image.manifest.v1+json"
            self.content(state.manifests.get(name), kind, lie=lie)
        else:
            self.answer(404, {"errors": []})

    def content(self, data: bytes | None, kind: str, *, lie: bool) -> None:
        if data is None:
            self.answer(404, {"errors": [{"code": "UNKNOWN"}]})
            return
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("docker-distribution-api-version", "registry/2.0")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b"x" * len(data) if lie else data)

    def answer(
        self, status: int, data: object = None, headers: dict[str, str] | None = None
    ) -> None:
        body = b"" if data is None else json.dumps(data).encode()
        self.send_response(status)
        self.send_header("docker-distribution-api-version", "registry/2.0")
        if data is not None:
            self.send_header("content-type", "application/json")
        for key, value in (headers or {}).items():
            self.send_header(key, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def read_body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("content-length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)


@pytest.fixture
def misbehaving() -> Iterator[Misbehaving]:
    state = Misbehaving()
    handler = type("OneHandler", (Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.url = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture(params=["real", "memory"])
def any_url(request: pytest.FixtureRequest) -> str:
    """The fake must pass what the real one passes."""
    if request.param == "real":
        return str(request.getfixturevalue("registry_url"))
    return str(request.getfixturevalue("misbehaving").url)
