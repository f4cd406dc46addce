"""Our side of a BuildKit session: gRPC over HTTP/2, answering "which value has the secret …?".

Bytes in, bytes out; `buildkit.py` moves them. The engine is the client here, and asks two things
(`GetSecret`, and whether we are well); all else is answered as not implemented, which it takes for
a session that offers no more. HTTP/2 is h2's affair; of protobuf two messages of one field are
needed, which are read and written here.

Source: gRPC over HTTP/2; moby/buildkit `secrets.proto`; Protocol Buffers, "Encoding".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.exceptions import ProtocolError

ASKED = "/moby.buildkit.secrets.v1.Secrets/GetSecret"
"""The one method that we tell the engine to have."""
HEALTH = "/grpc.health.v1.Health/Check"

_SERVING = b"\x08\x01"
_OK, _NOT_FOUND, _UNIMPLEMENTED = 0, 5, 12


@dataclass(repr=False)
class _Request:
    path: str
    body: bytes = b""
    answer: bytes = b""
    """What of the answer still has to be sent."""
    answered: bool = False


class SecretSession:
    """A connection from its first byte on. Not for several threads."""

    def __init__(self, secrets: Mapping[str, bytes]) -> None:
        self._secrets = secrets
        self._http = H2Connection(H2Configuration(client_side=False))
        self._http.initiate_connection()
        self._requests: dict[int, _Request] = {}

    def receive(self, data: bytes) -> bytes:
        """What is to be sent after these bytes. Raises ValueError for what is no HTTP/2."""
        try:
            events = self._http.receive_data(data)
        except ProtocolError as error:
            raise ValueError(f"the engine does not speak HTTP/2 in its session: {error}") from error
        for event in events:
            number = getattr(event, "stream_id", 0) or 0
            if isinstance(event, RequestReceived):
                self._requests[number] = _Request(dict(event.headers)[b":path"].decode())
            elif isinstance(event, DataReceived):
                self._requests[number].body += event.data
                self._http.acknowledge_received_data(event.flow_controlled_length, number)
            elif isinstance(event, StreamEnded):
                self._answer(number)
            elif isinstance(event, StreamReset):
                self._requests.pop(number, None)
        self._send()
        return self._http.data_to_send()

    def _answer(self, number: int) -> None:
        request = self._requests[number]
        status, message = self._said(request)
        head = [(":status", "200"), ("content-type", "application/grpc")]
        if status != _OK:
            head.append(("grpc-status", str(status)))
            self._http.send_headers(number, head, end_stream=True)
            del self._requests[number]
            return
        self._http.send_headers(number, head)
        # Not compressed, and its length, before each message of gRPC.
        request.answer = b"\x00" + len(message).to_bytes(4, "big") + message
        request.answered = True

    def _said(self, request: _Request) -> tuple[int, bytes]:
        if request.path == HEALTH:
            return _OK, _SERVING
        if request.path != ASKED:
            return _UNIMPLEMENTED, b""
        value = self._secrets.get(_first_text(request.body[5:]))
        if value is None:
            return _NOT_FOUND, b""
        return _OK, b"\x0a" + _varint(len(value)) + value

    def _send(self) -> None:
        """As much of the answers as the other side has room for."""
        for number, request in list(self._requests.items()):
            if not request.answered:
                continue
            while request.answer:
                room = self._http.local_flow_control_window(number)
                size = min(room, self._http.max_outbound_frame_size)
                if size <= 0:
                    break
                self._http.send_data(number, request.answer[:size])
                request.answer = request.answer[size:]
            if not request.answer:
                self._http.send_headers(number, [("grpc-status", "0")], end_stream=True)
                del self._requests[number]


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
