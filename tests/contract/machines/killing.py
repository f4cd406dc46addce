"""Standing between a program and its cloud: counts the calls, and kills the program over one."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

READS = re.compile("Describe|Get|DryRun")
POLLED = ("GetConsoleOutput", "DescribeInstances")
PASSED_ON = ("content-type", "authorization", "x-amz-target", "x-amz-date")


class Gate:
    """Lets calls through to the cloud. At call number `at`, counted from 0, or at the first call of
    that name, `kill` is called: before the call reached the cloud, or `after` it did and before its
    answer comes back. A question that is asked again and again counts once.
    """

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.lock = threading.Lock()
        self.arm(None)

    def arm(
        self, at: int | str | None, kill: Callable[[], None] = lambda: None, *, after: bool = False
    ) -> None:
        with self.lock:
            self.calls: list[str] = []
            self.at, self.kill, self.after = at, kill, after
            self.killed = threading.Event()

    def number(self, action: str) -> int | None:
        """The number of a call; None once the program was killed, whose calls are no more."""
        with self.lock:
            if self.killed.is_set():
                return None
            if not (action in POLLED and self.calls[-1:] == [action]):
                self.calls.append(action)
            return len(self.calls) - 1

    def fire(self) -> None:
        self.killed.set()
        self.kill()


def called(body: bytes, target: str) -> str:
    """The action of a request; of one that only asks whether it may, `DryRun`."""
    asked = parse_qs(body.decode(errors="replace"))
    if asked.get("DryRun") == ["true"]:
        return "DryRun"
    return asked.get("Action", [target.rpartition(".")[2] or "?"])[0]


@contextmanager
def gate_to(upstream: str) -> Iterator[tuple[Gate, str]]:
    gate = Gate(upstream)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.pass_on()

        def do_POST(self) -> None:
            self.pass_on()

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            number = gate.number(called(body, self.headers.get("x-amz-target", "")))
            fatal = number is not None and gate.at in (number, gate.calls[number])
            if number is None or (fatal and not gate.after):
                self.end(fatal)
                return
            headers = {key: self.headers[key] for key in PASSED_ON if key in self.headers}
            upstream = http.client.HTTPConnection(gate.upstream, timeout=600)
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            # moto says so of every image; Packer wants one whose root is on EBS.
            content = answer.read().replace(b"<rootDeviceType>standard<", b"<rootDeviceType>ebs<")
            upstream.close()
            if fatal:
                self.end(fatal)
                return
            try:
                self.send_response(answer.status)
                self.send_header("content-type", answer.headers.get("content-type", "text/xml"))
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except OSError:
                self.close_connection = True

        def end(self, fatal: bool) -> None:
            if fatal:
                gate.fire()
            self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield gate, f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def kill_with_children(pid: int) -> None:
    """SIGKILL for a process and all that descend from it, whatever groups they are in.

    Stopped first, so that nobody starts another or hears of a death.
    """
    doomed = [pid]
    for each in doomed:
        send(each, signal.SIGSTOP)
        doomed += children_of(each)
    for each in doomed:
        send(each, signal.SIGKILL)


def children_of(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # After the name in brackets: state, parent.
            parent = int(path.read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue
        if parent == pid:
            found.append(int(path.parent.name))
    return found


def send(pid: int, sign: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, sign)
