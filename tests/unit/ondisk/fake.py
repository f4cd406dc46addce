"""A metadata service and an API of AWS in this process, which say what a test lets them say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl

from provisimus.ondisk.aws import Client, Clock, Metadata


class Still(Clock):
    """A clock whose pauses pass at once."""

    def __init__(self) -> None:
        self.time = 0.0
        self.pauses: list[float] = []
        self.now = lambda: self.time  # type: ignore[method-assign,assignment]

    def sleep(self, seconds: float) -> None:  # type: ignore[override]
        self.pauses.append(seconds)
        self.time += seconds

    def stamp(self) -> str:
        return "20261126T153000Z"


class FakeCloud:
    """`metadata` by path; `answers` are taken one after the other, the last one again and again.

    An answer is a status with a body, or a function of the call's parameters that returns one.
    """

    def __init__(self) -> None:
        self.url = ""
        self.metadata: dict[str, str] = {
            "meta-data/placement/region": "eu-west-1",
            "meta-data/instance-id": "i-1",
            "meta-data/iam/security-credentials/": "greeter-role",
            "meta-data/iam/security-credentials/greeter-role": json.dumps(
                {"Code": "Success", "AccessKeyId": "ASIAX", "SecretAccessKey": "s", "Token": "t"}
            ),
        }
        self.answers: dict[str, list[Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.tokens = 0

    def client(self, clock: Clock | None = None) -> Client:
        clock = clock or Still()
        return Client(Metadata(self.url, clock), clock)

    def on(self, action: str, *answers: Any) -> None:
        self.answers[action] = list(answers)

    def called(self, action: str) -> list[dict[str, Any]]:
        return [parameters for name, parameters in self.calls if name == action]

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Any:
        if path == "/latest/api/token":
            assert method == "PUT"
            self.tokens += 1
            return 200, "token-1"
        if path.startswith("/latest/"):
            if headers.get("x-aws-ec2-metadata-token") != "token-1":
                return 401, ""
            found = self.metadata.get(path.removeprefix("/latest/"))
            return (404, "") if found is None else (200, found)
        self.headers.append(headers)
        assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIA")
        if target := headers.get("x-amz-target"):
            action, parameters = target.rpartition(".")[2], json.loads(body)
        else:
            parameters = dict(parse_qsl(body.decode(), keep_blank_values=True))
            action = parameters.pop("Action")
        self.calls.append((action, parameters))
        given = self.answers.get(action, [(200, "{}")])
        answer = given.pop(0) if len(given) > 1 else given[0]
        return answer(parameters) if callable(answer) else answer


@contextmanager
def fake_cloud() -> Iterator[FakeCloud]:
    cloud = FakeCloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, said = cloud.serve(self.command, self.path, headers, body)
            if status == 0:
                self.connection.close()
                return
            data = said.encode() if isinstance(said, str) else json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PUT = do_POST = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cloud.url = f"http://127.0.0.1:{server.server_port}"
        cloud.metadata["meta-data/services/endpoint-url"] = cloud.url
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        try:
            yield cloud
        finally:
            server.shutdown()
