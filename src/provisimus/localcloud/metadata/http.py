"""One HTTP/1.1 exchange: bytes become a request, a reply becomes bytes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

LARGEST = 16 * 1024
"""Bytes of a request; every real one is a few hundred."""


@dataclass(frozen=True)
class Request:
    """What is asked; header names are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """What is answered; ``hops`` is how far its packets may go, None as far as any."""

    status: int
    content: bytes = b""
    kind: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()
    hops: int | None = None


class BadRequestError(ValueError):
    """What came is not HTTP."""


def read_request(data: bytes) -> Request | None:
    """The request, or None while it is not whole; a body is left unread. Raises BadRequestError."""
    head, found, _ = data.partition(b"\r\n\r\n")
    if not found:
        if len(data) > LARGEST:
            raise BadRequestError("the request is too large")
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError(f"not a request line: {first[:80]}")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or name != name.strip():
            raise BadRequestError(f"not a header: {line[:80]}")
        headers[name.lower()] = value.strip()
    return Request(parts[0], unquote(parts[1].partition("?")[0]), headers)


def write_reply(reply: Reply, *, body: bool = True) -> bytes:
    """The bytes of a reply; ``body`` is False in answer to HEAD."""
    lines = [
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
        f"Content-Type: {reply.kind}",
        f"Content-Length: {len(reply.content)}",
        *(f"{name}: {value}" for name, value in reply.headers),
        "Server: EC2ws",
        "Connection: close",
    ]
    head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
    return head + (reply.content if body else b"")
