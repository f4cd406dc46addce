"""An endpoint that answers as another one did before, from memory, after as long as one likes.

It takes a small part of the processor that a cloud takes, so that a measure is of whoever asks, as
it is where the endpoint is far away and not on the same cores. An answer is known by the action and
the stack that it is about; the last one that was heard counts.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from urllib.parse import parse_qs, urlsplit

Key = tuple[str, ...]
KNOWN_BY = ("Action", "StackName", "NextToken")


@dataclass
class Remembered:
    """Passes on and remembers, until it is told to answer by itself, `seconds` after a question."""

    target: str
    seconds: float
    by_itself: bool = False
    url: str = ""
    _answers: dict[Key, bytes] = field(default_factory=dict)
    _connections: threading.local = field(default_factory=threading.local)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its first question to its last."""
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body = await reader.readexactly(_length(head))
                writer.write(await self._answer(head, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, head: bytes, body: bytes) -> bytes:
        asked = parse_qs(body.decode())
        key = tuple(asked.get(name, [""])[0] for name in KNOWN_BY)
        if self.by_itself and key in self._answers:
            await asyncio.sleep(self.seconds)
            return self._answers[key]
        answer = await asyncio.to_thread(self._passed_on, head, body)
        self._answers[key] = answer
        return answer

    def _passed_on(self, head: bytes, body: bytes) -> bytes:
        target = urlsplit(self.target)
        there = getattr(self._connections, "there", None)
        if there is None:
            there = self._connections.there = HTTPConnection(
                target.hostname or "", target.port or 0
            )
        first, *rest = head.decode().rstrip().split("\r\n")
        method, path, _ = first.split(" ")
        there.request(method, path, body, dict(line.split(": ", 1) for line in rest))
        reply = there.getresponse()
        said = reply.read()
        lines = [f"HTTP/1.1 {reply.status} {reply.reason}", f"Content-Length: {len(said)}"]
        lines += [f"Content-Type: {reply.headers.get('Content-Type', 'text/xml')}", "", ""]
        return "\r\n".join(lines).encode() + said


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


@contextmanager
def remembering(target: str, seconds: float) -> Iterator[Remembered]:
    """Such an endpoint on loopback, before the one at `target`."""
    made, loop = Remembered(target, seconds), asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(made.talk, "127.0.0.1", 0, backlog=128))
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield made
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()
