"""A TCP server for one wire: one request, one answer, and the connection ends.

A wire loses and reorders nothing (QEMU waits while its end is full), but a guest may, so what is
not acknowledged is sent again. Nothing here knows a socket or a clock: frames and the time come
in, frames go out. Source of the rules: RFC 9293.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from provisimus.localcloud.metadata.frames import (
    ACK,
    FIN,
    PSH,
    RST,
    SYN,
    USUAL_HOPS,
    Peer,
    Segment,
    arp_reply,
    read_segment,
    write_segment,
)

PORT = 80
MOST_CONNECTIONS = 64
PATIENCE = 1.0
"""Seconds until something is sent again; each time twice as long."""
MOST_TRIES = 6
_IDLE = 60.0
_LOOP = 1 << 32


@dataclass(frozen=True)
class Answer:
    """The bytes to send back, and how many hops their packets may live."""

    content: bytes
    hops: int = USUAL_HOPS


Serve = Callable[[bytes], Answer | None]
"""Given all that came on a connection: the answer, or None while the request is not whole."""


@dataclass
class _Connection:
    """What we send is one stream: a SYN, the answer's bytes, a FIN; positions count from the SYN.

    ``sent`` and ``acknowledged`` are positions in it, ``expected`` is the guest's next sequence
    number.
    """

    peer: Peer
    first: int
    expected: int
    window: int
    largest: int
    now: float
    request: bytes = b""
    answer: Answer | None = None
    sent: int = 0
    acknowledged: int = 0
    guest_done: bool = False
    tries: int = 0
    moved: float = field(init=False)
    """When something last changed: the guest spoke, or we repeated ourselves."""

    def __post_init__(self) -> None:
        self.moved = self.now

    @property
    def over(self) -> bool:
        if self.answer is None or not self.guest_done:
            return False
        return self.acknowledged == len(self.answer.content) + 2

    @property
    def due(self) -> float:
        """When something has to be done if the guest stays silent."""
        waiting = self.acknowledged < self.sent
        return self.moved + (PATIENCE * 2**self.tries if waiting else _IDLE)


class Link:
    """All connections on one wire."""

    def __init__(self, serve: Serve, random: Callable[[], int] | None = None) -> None:
        self._serve = serve
        self._random = random or (lambda: secrets.randbelow(_LOOP))
        self._connections: dict[Peer, _Connection] = {}

    @property
    def wakes(self) -> float | None:
        """When ``tick`` is wanted, on the clock of the times given; None while nobody waits."""
        return min((each.due for each in self._connections.values()), default=None)

    def receive(self, frame: bytes, now: float) -> list[bytes]:
        """The frames to send in answer to one."""
        told = arp_reply(frame)
        if told is not None:
            return [told]
        segment = read_segment(frame)
        if segment is None:
            return []
        return [write_segment(each) for each in self._handle(segment, now)]

    def tick(self, now: float) -> list[bytes]:
        """Send again what was not acknowledged in time; forget who says nothing any more."""
        frames: list[bytes] = []
        for peer, connection in list(self._connections.items()):
            if connection.due > now:
                continue
            if connection.acknowledged == connection.sent or connection.tries >= MOST_TRIES:
                del self._connections[peer]
                continue
            connection.tries += 1
            connection.moved = now
            connection.sent = connection.acknowledged
            frames += [write_segment(each) for each in _flush(connection)]
        return frames

    def _handle(self, segment: Segment, now: float) -> list[Segment]:
        connection = self._connections.get(segment.peer)
        if segment.flags & RST:
            self._connections.pop(segment.peer, None)
            return []
        if segment.flags & SYN and segment.port == PORT:
            return self._open(segment, connection, now)
        if connection is None or segment.port != PORT:
            return [_refusal(segment)]
        connection.moved = now
        _take_acknowledgement(connection, segment)
        spoke = bool(segment.payload) or bool(segment.flags & FIN)
        _take_payload(connection, segment)
        if connection.answer is None and spoke:
            connection.answer = self._serve(connection.request)
            if connection.answer is None and connection.guest_done:
                connection.answer = Answer(b"")
        told = _flush(connection)
        if connection.over:
            del self._connections[segment.peer]
        return told or ([_segment(connection, connection.sent, ACK)] if spoke else [])

    def _open(self, segment: Segment, connection: _Connection | None, now: float) -> list[Segment]:
        expected = (segment.sequence + 1) % _LOOP
        if connection is None or connection.expected != expected or connection.acknowledged:
            if len(self._connections) >= MOST_CONNECTIONS:
                oldest = min(self._connections.values(), key=lambda each: each.moved)
                del self._connections[oldest.peer]
            connection = _Connection(
                segment.peer, self._random(), expected, segment.window, segment.largest or 536, now
            )
            self._connections[segment.peer] = connection
        connection.sent = 0
        return _flush(connection)


def _take_acknowledgement(connection: _Connection, segment: Segment) -> None:
    if not segment.flags & ACK:
        return
    position = (segment.acknowledgement - connection.first) % _LOOP
    if connection.acknowledged <= position <= connection.sent:
        if position > connection.acknowledged:
            connection.tries = 0
        connection.acknowledged = position
        connection.window = segment.window


def _take_payload(connection: _Connection, segment: Segment) -> None:
    known = (connection.expected - segment.sequence) % _LOOP
    if known > len(segment.payload) or connection.guest_done:
        return  # all of it is known, or something before it is missing
    fresh = segment.payload[known:]
    connection.request += fresh
    connection.expected = (connection.expected + len(fresh)) % _LOOP
    if segment.flags & FIN:
        connection.guest_done = True
        connection.expected = (connection.expected + 1) % _LOOP


def _flush(connection: _Connection) -> list[Segment]:
    """What may be sent now, as far as the guest's window reaches."""
    if connection.sent == 0:
        connection.sent = 1
        return [_segment(connection, 0, SYN | ACK)]
    if connection.answer is None or connection.acknowledged == 0:
        return []
    content, told = connection.answer.content, []
    while connection.sent < len(content) + 2:
        room = connection.acknowledged + connection.window - connection.sent
        begin = connection.sent - 1
        part = content[begin : begin + max(0, min(room, connection.largest))]
        last = begin + len(part) == len(content)
        if room <= 0 or not (part or last):
            break
        flags = ACK | PSH | (FIN if last else 0)
        told.append(_segment(connection, connection.sent, flags, part, hops=connection.answer.hops))
        connection.sent += len(part) + (1 if last else 0)
    return told


def _segment(
    connection: _Connection, position: int, flags: int, part: bytes = b"", hops: int = USUAL_HOPS
) -> Segment:
    return Segment(
        connection.peer, PORT, (connection.first + position) % _LOOP, connection.expected, flags,
        payload=part, hops=hops,
    )  # fmt: skip


def _refusal(segment: Segment) -> Segment:
    """A reset, with the numbers that make the guest believe it."""
    length = len(segment.payload) + sum(bool(segment.flags & flag) for flag in (SYN, FIN))
    answered = bool(segment.flags & ACK)
    return Segment(
        segment.peer, segment.port, segment.acknowledgement if answered else 0,
        0 if answered else (segment.sequence + length) % _LOOP,
        RST if answered else RST | ACK, window=0,
    )  # fmt: skip
