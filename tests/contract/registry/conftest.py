"""A guarded docker-registry, and one in memory that misbehaves on purpose."""

from __future__ import annotations

import hashlib
import json
import socket
import socketserver
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


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
    body, "half" keeps (or sends) half of it and then does, "forget" answers 404, "lie" sends other
    bytes, "slow" sends them in dribs and drabs, "lost" does as it is told and closes without an
    answer, "forgotten" says so and does not, "elsewhere" redirects to `other`, a number is a
    status.
    """

    url: str = ""
    faults: deque[tuple[str, str, str | int]] = field(default_factory=deque)
    blobs: dict[str, bytes] = field(default_factory=dict)
    manifests: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    """How many bytes each request of an upload brought."""
    limit: int = 1 << 40
    """The biggest body that it takes, in bytes."""
    ranges: bool = True
    statuses: bool = True
    immutable: bool = False
    referrers: bool = False
    other: str = ""
    elsewhere: str = ""
    """`host:port` of the registry that is to take the uploads, under the name 1."""
    realm: str = ""
    """Where it sends those who have no token; empty lets everybody in."""
    tokens: dict[str, list[str]] = field(default_factory=dict)
    sign: Callable[[list[str]], str] | None = None
    asked: list[tuple[str, dict[str, list[str]], str]] = field(default_factory=list)
    """Questions for a token: method, parameters, Authorization."""

    def fault(self, method: str, path: str) -> str | int | None:
        if self.faults and self.faults[0][0] == method and self.faults[0][1] in path:
            return self.faults.popleft()[2]
        return None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: Misbehaving
    how = ""

    def log_message(self, *args: object) -> None:
        pass

    def handle_one(self) -> None:
        url = urlsplit(self.path)
        self.state.seen.append(f"{self.command} {url.path}")
        self.state.headers.append({key.lower(): value for key, value in self.headers.items()})
        if url.path == "/token":
            self.token(parse_qs(url.query), self.read_body())
            return
        fault = self.state.fault(self.command, url.path)
        if fault == "cut":
            if self.command == "PATCH":
                self.rfile.read(100)
            self.hang_up()
            return
        if fault == "half" and self.command in ("PATCH", "PUT"):
            name = url.path.rpartition("/")[2]
            length = int(self.headers.get("content-length") or 800_000)
            body = self.read_body(at_most=length // 2)
            self.state.uploads[name] += body
            self.state.kept.append(len(body))
            self.hang_up()
            return
        body = self.read_body()
        if len(body) > self.state.limit:
            self.answer(413)
        elif not self.let_in(url.path, parse_qs(url.query)):
            self.refuse(url.path, parse_qs(url.query))
        elif isinstance(fault, int):
            self.answer(fault, headers={"retry-after": "7"} if fault == 429 else None)
        elif fault == "forget":
            self.answer(404, {"errors": []})
        elif fault == "elsewhere":
            self.answer(307, headers={"location": f"{self.state.other}{url.path}"})
        else:
            self.how = str(fault or "")
            self.route(url.path, parse_qs(url.query), body, lie=fault == "lie")

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def token(self, query: dict[str, list[str]], body: bytes) -> None:
        given = parse_qs(body.decode()) if self.command == "POST" else query
        self.state.asked.append((self.command, given, self.headers.get("authorization", "")))
        scopes = " ".join(given.get("scope", [])).split()
        name = self.state.sign(scopes) if self.state.sign else f"t{len(self.state.asked)}"
        self.state.tokens[name] = scopes
        self.answer(200, {"access_token" if self.command == "POST" else "token": name})

    def wanted(self, path: str, query: dict[str, list[str]]) -> set[str]:
        """What a request asks for: `repository:action`."""
        for end in ("/manifests/", "/blobs/", "/tags/", "/referrers/"):
            if end in path:
                name = path.partition(end)[0].removeprefix("/v2/")
                actions = {"pull"} | ({"push"} if self.command not in ("GET", "HEAD") else set())
                return {f"{name}:{each}" for each in actions} | {
                    f"{each}:pull" for each in query.get("from", [])
                }
        return set()

    def let_in(self, path: str, query: dict[str, list[str]]) -> bool:
        if not self.state.realm:
            return True
        scopes = self.state.tokens.get(
            self.headers.get("authorization", "").removeprefix("Bearer ")
        )
        if scopes is None:
            return False
        granted = set()
        for each in scopes:
            _, name, actions = each.split(":")
            granted |= {f"{name}:{action}" for action in actions.split(",")}
        return self.wanted(path, query) <= granted

    def refuse(self, path: str, query: dict[str, list[str]]) -> None:
        scope = " ".join(f"repository:{each}" for each in sorted(self.wanted(path, query)))
        challenge = f'Bearer realm="{self.state.realm}",service="here"'
        challenge += f',scope="{scope}"' if scope else ""
        self.answer(401, {"errors": []}, headers={"www-authenticate": challenge})

    do_GET = do_HEAD = do_POST = handle_one  # noqa: N815 - as http.server calls them
    do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815

    def route(self, path: str, query: dict[str, list[str]], body: bytes, *, lie: bool) -> None:
        state, name = self.state, path.rpartition("/")[2]
        if path == "/v2/":
            self.answer(200, {})
        elif "/blobs/uploads/" in path and self.command == "POST":
            key = uuid.uuid4().hex
            state.uploads[key] = b""
            there = f"http://{state.elsewhere}{path}1" if state.elsewhere else f"{path}{key}"
            self.answer(202, headers={"location": there})
        elif "/blobs/uploads/" in path and name not in state.uploads:
            self.answer(404, {"errors": [{"code": "BLOB_UPLOAD_UNKNOWN"}]})
        elif "/blobs/uploads/" in path and self.command == "GET":
            size = len(state.uploads[name])
            where = {"location": path, "range": f"0-{max(0, size - 1)}"}
            self.answer(204 if state.statuses else 404, headers=where)
        elif "/blobs/uploads/" in path and self.command == "DELETE":
            del state.uploads[name]
            self.answer(204)
        elif "/blobs/uploads/" in path and self.command == "PATCH":
            begin = self.headers.get("content-range", "").partition("-")[0]
            if begin and int(begin) != len(state.uploads[name]):
                self.answer(416)
                return
            state.uploads[name] += body
            state.kept.append(len(body))
            self.answer(202, headers={"location": path})
        elif "/blobs/uploads/" in path:
            data = state.uploads.pop(name) + body
            state.kept += [len(body)] if body else []
            digest = "sha256:" + hashlib.sha256(data).hexdigest()
            if query["digest"] != [digest]:
                self.answer(400, {"errors": [{"code": "DIGEST_INVALID"}]})
                return
            state.blobs[digest] = data
            self.answer(201, headers={"location": path})
        elif "/blobs/" in path:
            self.content(state.blobs.get(name), "application/octet-stream", lie=lie)
        elif "/manifests/" in path and self.command == "PUT":
            self.put_manifest(name, body)
        elif "/manifests/" in path:
            kind = json.loads(state.manifests.get(name, b"{}")).get("mediaType", MANIFEST)
            self.content(state.manifests.get(name), kind, lie=lie)
        elif "/referrers/" in path and state.referrers:
            found = [
                {
                    "mediaType": MANIFEST,
                    "digest": digest,
                    "size": len(body),
                    "artifactType": json.loads(body)["artifactType"],
                }
                for digest, body in state.manifests.items()
                if json.loads(body).get("subject", {}).get("digest") == name
            ]
            self.content(json.dumps({"manifests": found}).encode(), INDEX, lie=False)
        else:
            self.answer(404, {"errors": []})

    def put_manifest(self, name: str, body: bytes) -> None:
        state = self.state
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        if state.immutable and name in state.manifests and not name.startswith("sha256:"):
            self.answer(400, {"errors": [{"code": "TAG_INVALID", "message": "tag is immutable"}]})
            return
        if self.how != "forgotten":
            state.manifests[name] = state.manifests[digest] = body
        subject = json.loads(body).get("subject", {}).get("digest")
        known = {"oci-subject": subject} if subject and state.referrers else {}
        self.answer(201, headers={"docker-content-digest": digest, **known})

    def content(self, data: bytes | None, kind: str, *, lie: bool) -> None:
        if data is None:
            self.answer(404, {"errors": [{"code": "UNKNOWN"}]})
            return
        begin = 0
        asked = self.headers.get("range", "")
        if asked and self.state.ranges:
            begin = int(asked.removeprefix("bytes=").partition("-")[0])
            self.send_response(206)
            self.send_header("content-range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
        else:
            self.send_response(200)
        data = data[begin:]
        self.send_header("content-type", kind)
        self.send_header("docker-distribution-api-version", "registry/2.0")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.how == "half":
            self.wfile.write(data[: len(data) // 2])
            self.wfile.flush()
            self.hang_up()
        elif self.how == "slow":
            for index in range(0, len(data), 997):
                self.wfile.write(data[index : index + 997])
                self.wfile.flush()
        else:
            self.wfile.write(b"x" * len(data) if lie else data)

    def answer(
        self, status: int, data: object = None, headers: dict[str, str] | None = None
    ) -> None:
        if self.how == "lost":
            self.hang_up()
            return
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

    def read_body(self, at_most: int = 1 << 40) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() != "chunked":
            length = int(self.headers.get("content-length") or 0)
            return self.rfile.read(min(length, at_most))
        read = b""
        while size := int(self.rfile.readline().strip() or b"0", 16):
            read += self.rfile.read(size)
            self.rfile.readline()
            if len(read) >= at_most:
                return read[:at_most]
        self.rfile.readline()
        return read


@contextmanager
def misbehaving_registry() -> Iterator[Misbehaving]:
    state = Misbehaving()
    handler = type("OneHandler", (Handler,), {"state": state})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        state.url = f"127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def misbehaving() -> Iterator[Misbehaving]:
    with misbehaving_registry() as state:
        yield state


@pytest.fixture
def another() -> Iterator[Misbehaving]:
    with misbehaving_registry() as state:
        yield state


@dataclass
class CuttingProxy:
    """Before a real registry: each of `cuts` ends a connection when so many bytes have passed.

    A cut is (direction, bytes): "up" counts what the client sends, "down" what it gets.
    """

    url: str = ""
    cuts: deque[tuple[str, int]] = field(default_factory=deque)

    def pump(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        passed = 0
        try:
            while data := source.recv(65536):
                target.sendall(data)
                passed += len(data)
                if self.cuts and self.cuts[0][0] == direction and passed >= self.cuts[0][1]:
                    self.cuts.popleft()
                    break
        except OSError:
            pass
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def cutting(registry_url: str) -> Iterator[CuttingProxy]:
    host, _, port = registry_url.partition(":")
    proxy = CuttingProxy()

    class Relay(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection((host, int(port))) as behind:
                back = threading.Thread(target=proxy.pump, args=(behind, self.request, "down"))
                back.start()
                proxy.pump(self.request, behind, "up")
                back.join()

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Relay) as server:
        server.daemon_threads = True
        proxy.url = f"127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield proxy
        server.shutdown()
        thread.join()


@pytest.fixture(params=["real", "memory"])
def any_url(request: pytest.FixtureRequest) -> str:
    """The fake must pass what the real one passes."""
    if request.param == "real":
        return str(request.getfixturevalue("registry_url"))
    return str(request.getfixturevalue("misbehaving").url)
