"""Our side of a BuildKit session: gRPC over HTTP/2, answering "which value has the secret …?".

Bytes in, bytes out; `buildkit.py` moves them. The engine is the client here, and asks two things
(`GetSecret`, and whether we are well); all else is answered as not implemented, which it takes for
a session that offers no more. Headers are not decoded: with a dynamic table of size 0 each request
spells its path out, and always in the same bytes.

Source: RFC 9113 (HTTP/2), RFC 7541 (HPACK), gRPC over HTTP/2; moby/buildkit `secrets.proto`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

ASKED = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
"""The one method that we tell the engine to have."""

_SECRET_PATH = bytes.fromhex("6293c7e978ed35127532574149615285fb857dc525854a18c454ee292c2a7f")
_HEALTH_PATH = bytes.fromhex("626b2b22f394742675fb857c651d099d8bd3949d7f")
"""`ASKED` and `/grpc.health.v1.Health/Check` in HPACK's Huffman code."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _WINDOW, _CONTINUATION = 0, 1, 3, 4, 6, 8, 9
_ACK = _END_STREAM = 1
_END_HEADERS = 4
_FRAME = 16384
"""The largest payload that everyone takes."""

# ":status: 200" is number 8 of HPACK's static table, "content-type" 31; nothing is to be indexed.
_ANSWER = b"\x88\x0f\x10\x10application/grpc"
_SERVING = b"\x08\x01"
_NOT_FOUND, _UNIMPLEMENTED = 5, 12


@dataclass(repr=False)
class _Stream:
    """One request, and what of the answer still has to be sent."""

    window: int
    headers: bytes = b""
    body: bytes = b""
    answer: bytes = b""
    answered: bool = False


@dataclass(repr=False)
class SecretSession:
    """A connection from its first byte on. Not for several threads."""

    secrets: Mapping[str, bytes]
    _incoming: bytes = b""
    _greeted: bool = False
    _window: int = 65535
    _first_window: int = 65535
    _streams: dict[int, _Stream] = field(default_factory=dict)

    def receive(self, data: bytes) -> bytes:
        """What is to be sent after these bytes. Raises ValueError for what is no HTTP/2."""
        self._incoming += data
        out = b""
        if not self._greeted:
            if len(self._incoming) < len(_PREFACE):
                return b""
            if not self._incoming.startswith(_PREFACE):
                raise ValueError("the engine does not begin a session as HTTP/2 does")
            self._incoming = self._incoming[len(_PREFACE) :]
            self._greeted = True
            # HEADER_TABLE_SIZE (1) = 0.
            out = _frame(_SETTINGS, 0, 0, b"\x00\x01\x00\x00\x00\x00")
        return out + b"".join(self._frames())

    def _frames(self) -> Iterator[bytes]:
        while len(self._incoming) >= 9:
            size = 9 + int.from_bytes(self._incoming[:3], "big")
            if len(self._incoming) < size:
                return
            kind, flags = self._incoming[3], self._incoming[4]
            number = int.from_bytes(self._incoming[5:9], "big") & 0x7FFFFFFF
            payload, self._incoming = self._incoming[9:size], self._incoming[size:]
            yield from self._frame(kind, flags, number, payload)

    def _frame(self, kind: int, flags: int, number: int, payload: bytes) -> Iterator[bytes]:
        if kind == _SETTINGS and not flags & _ACK:
            self._settings(payload)
            yield _frame(_SETTINGS, _ACK, 0)
        elif kind == _PING and not flags & _ACK:
            yield _frame(_PING, _ACK, 0, payload)
        elif kind == _WINDOW:
            more = int.from_bytes(payload, "big") & 0x7FFFFFFF
            if number == 0:
                self._window += more
            elif number in self._streams:
                self._streams[number].window += more
        elif kind == _RESET:
            self._streams.pop(number, None)
        elif kind in (_HEADERS, _CONTINUATION, _DATA):
            stream = self._streams.setdefault(number, _Stream(self._first_window))
            if kind == _DATA:
                stream.body += payload
            else:
                stream.headers += payload
            if kind != _CONTINUATION and flags & _END_STREAM:
                yield from self._answer(number, stream)
        yield from self._waiting()

    def _settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            name = int.from_bytes(payload[at : at + 2], "big")
            if name == 4:  # INITIAL_WINDOW_SIZE, of streams that are open, too
                first = int.from_bytes(payload[at + 2 : at + 6], "big")
                for each in self._streams.values():
                    each.window += first - self._first_window
                self._first_window = first

    def _answer(self, number: int, stream: _Stream) -> Iterator[bytes]:
        message: bytes | None = None
        status = _UNIMPLEMENTED
        if _HEALTH_PATH in stream.headers:
            message = _SERVING
        elif _SECRET_PATH in stream.headers or ASKED.encode() in stream.headers:
            value = self.secrets.get(_first_text(stream.body[5:]))
            status = _NOT_FOUND
            message = None if value is None else b"\x0a" + _varint(len(value)) + value
        if message is None:
            del self._streams[number]
            yield _frame(_HEADERS, _END_HEADERS | _END_STREAM, number, _ANSWER + _status(status))
            return
        # Not compressed, and its length, before each message of gRPC.
        stream.answer = b"\x00" + len(message).to_bytes(4, "big") + message
        stream.answered = True
        yield _frame(_HEADERS, _END_HEADERS, number, _ANSWER)

    def _waiting(self) -> Iterator[bytes]:
        """As much of the answers as the other side has room for."""
        for number, stream in list(self._streams.items()):
            while stream.answer and (size := min(self._window, stream.window, _FRAME)) > 0:
                piece, stream.answer = stream.answer[:size], stream.answer[size:]
                self._window -= len(piece)
                stream.window -= len(piece)
                yield _frame(_DATA, 0, number, piece)
            if stream.answered and not stream.answer:
                del self._streams[number]
                yield _frame(_HEADERS, _END_HEADERS | _END_STREAM, number, _status(0))


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def _status(code: int) -> bytes:
    text = str(code).encode()
    return b"\x00\x0bgrpc-status" + bytes([len(text)]) + text


def _first_text(message: bytes) -> str:
    """Field 1 of a protobuf message, where it comes first and is short: `GetSecretRequest.ID`."""
    if message[:1] != b"\x0a" or len(message) < 2 or message[1] > 127:
        return ""
    return message[2 : 2 + message[1]].decode(errors="replace")


def _varint(number: int) -> bytes:
    out = b""
    while number > 127:
        out += bytes([number & 127 | 128])
        number >>= 7
    return out + bytes([number])
