"""One request and its answer over HTTP/1.1. A tenth of `http.client`, and a third of its start."""

from __future__ import annotations

import socket

LIMIT = 8 * 1024 * 1024
"""Bytes of an answer. The longest that is asked for, a page of snapshots, has some hundred KB."""


class Answer:
    """What a server said: the status, the headers by lower-case name, the body."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def split(url: str) -> tuple[bool, str, int, str]:
    """Whether it is HTTPS, the host, the port and the path. Raises ValueError."""
    scheme, separator, rest = url.partition("://")
    if not separator or scheme not in ("http", "https"):
        raise ValueError(f"{url!r} is no URL of http or https")
    authority, _, path = rest.partition("/")
    host, colon, port = authority.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = authority, ""
    return scheme == "https", host, int(port or (443 if scheme == "https" else 80)), "/" + path


def authority(url: str) -> str:
    """What goes into the Host header, and so into a signature."""
    return url.partition("://")[2].partition("/")[0]


def exchange(
    method: str, url: str, headers: dict[str, str], body: bytes = b"", timeout: float = 10
) -> Answer:
    """Raises OSError, of which a time-out and a broken answer are kinds. `timeout` in seconds, for
    each wait."""
    secure, host, port, path = split(url)
    lines = [f"{method} {path} HTTP/1.1", f"Host: {authority(url)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method in ("POST", "PUT"):
        lines.append(f"Content-Length: {len(body)}")
    request = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body
    with socket.create_connection((host.strip("[]"), port), timeout) as plain:
        if not secure:
            return _talk(plain, request, method)
        import ssl

        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as wrapped:
            return _talk(wrapped, request, method)


def _talk(connection: socket.socket, request: bytes, method: str) -> Answer:
    connection.sendall(request)
    received = bytearray()
    while len(received) < LIMIT:
        some = connection.recv(65536)
        if not some:
            break
        received += some
    return parse(bytes(received), method)


def parse(received: bytes, method: str) -> Answer:
    """A whole answer, up to the end of its connection. Raises ConnectionError for less. Pure."""
    head, separator, body = received.partition(b"\r\n\r\n")
    first, _, rest = head.decode("latin-1").partition("\r\n")
    words = first.split(" ", 2)
    if not separator or len(words) < 2 or not words[1].isdigit():
        raise ConnectionError("the connection broke before there was an answer")
    headers = {}
    for line in rest.split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if method != "HEAD":
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = _chunks(body)
        elif len(body) < int(headers.get("content-length") or 0):
            raise ConnectionError("the connection broke in the middle of the answer")
    return Answer(int(words[1]), headers, body)


def _chunks(body: bytes) -> bytes:
    whole = bytearray()
    while True:
        size, separator, body = body.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            length = -1
        if not separator or length < 0 or len(body) < length:
            raise ConnectionError("the connection broke in the middle of the answer")
        if length == 0:
            return bytes(whole)
        whole += body[:length]
        body = body[length + 2 :]
