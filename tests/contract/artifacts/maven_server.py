"""A Maven repository over HTTP that keeps its files in memory, and misbehaves when told to.

Speaks GET, HEAD, PUT, ranges, basic and bearer authentication; sends checksums in headers when
`headers` says so, as Artifactory does.
"""

from __future__ import annotations

import base64
import hashlib
import re
import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class MavenServer:
    """A fault is (method, part of the path, what) and hits the first request that fits.

    What: a number is a status, "cut" closes in the middle of the body, "lie" sends other bytes.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    faults: deque[tuple[str, str, str | int]] = field(default_factory=deque)
    seen: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)
    """The Authorization of each request, empty without."""
    wanted: str = ""
    """The Authorization without which it answers 401."""
    checksum_headers: bool = False
    ranges: bool = True
    immutable: int = 0
    """The status for a PUT on what is there; 0 replaces it."""
    page: bool = False
    """Whether every GET and HEAD gets a page to log in on, with status 200."""
    elsewhere: str = ""
    """Where a GET is sent on to, as Artifactory does with a cloud storage."""

    def basic(self, user: str, password: str) -> None:
        self.wanted = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()

    def fault(self, method: str, path: str) -> str | int | None:
        for each in self.faults:
            if each[0] == method and each[1] in path:
                self.faults.remove(each)
                return each[2]
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: MavenServer

    def log_message(self, *args: object) -> None:
        pass

    def handle_one(self) -> None:
        state, path = self.state, self.path.partition("?")[0].lstrip("/")
        ranged = " " + self.headers["range"] if "range" in self.headers else ""
        state.seen.append(f"{self.command} {path}{ranged}")
        state.signed.append(self.headers.get("authorization", ""))
        fault = state.fault(self.command, path)
        if self.command == "PUT" and fault == "cut":
            self.rfile.read(100)
            self.hang_up()
            return
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if len(body) < length:
            return
        if isinstance(fault, int):
            self.answer(fault)
        elif state.wanted and state.signed[-1] != state.wanted:
            self.answer(401, {"www-authenticate": "Basic realm=here"})
        elif self.command == "PUT":
            self.take(path, body)
        elif state.page:
            state.files["login"] = b"<!doctype html>\n"
            self.give(state.files["login"], None, "text/html; charset=utf-8")
        elif path not in state.files:
            self.answer(404)
        elif state.elsewhere and self.command == "GET":
            self.answer(302, {"location": f"{state.elsewhere}/{path}?signature=hidden"})
        else:
            self.give(state.files[path], fault)

    do_GET = do_HEAD = do_PUT = handle_one  # noqa: N815 - as http.server calls them

    def take(self, path: str, body: bytes) -> None:
        there = path in self.state.files
        promised = self.headers.get("x-checksum-sha256")
        if promised and promised != hashlib.sha256(body).hexdigest():
            self.answer(409)
        elif there and self.headers.get("if-none-match") == "*":
            self.answer(412)
        elif there and self.state.immutable and "maven-metadata" not in path:
            self.answer(self.state.immutable)
        else:
            self.state.files[path] = body
            self.answer(201)

    def give(self, data: bytes, fault: str | int | None, kind: str = "") -> None:
        digest = hashlib.sha256(data).hexdigest()
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        start = int(found[1]) if found and self.state.ranges else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if kind:
            self.send_header("content-type", kind)
        self.send_header("etag", f'"{digest[:16]}"')
        if self.state.checksum_headers:
            self.send_header("x-checksum-sha256", digest)
        self.send_header("content-length", str(len(data) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        sent = data[start:]
        if fault == "cut":
            self.wfile.write(sent[: len(sent) // 2])
            self.hang_up()
        else:
            self.wfile.write(b"x" * len(sent) if fault == "lie" else sent)

    def hang_up(self) -> None:
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def answer(self, status: int, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for key, value in {"content-length": "0", **(headers or {})}.items():
            self.send_header(key, value)
        if status in (429, 503):
            self.send_header("retry-after", "0")
        self.end_headers()


@contextmanager
def serving(state: MavenServer | None = None) -> Iterator[MavenServer]:
    state = state or MavenServer()
    handler = type("OneHandler", (Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
