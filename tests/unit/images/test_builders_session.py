"""The session that hands secrets to BuildKit, with h2 as the engine."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from h2.connection import H2Connection
from h2.events import DataReceived, ResponseReceived, StreamEnded, TrailersReceived
from hypothesis import given
from hypothesis import strategies as st

from provisimus.images.builders.session import ASKED, HEALTH, SecretSession


@dataclass
class Engine:
    """The client's side of one session."""

    session: SecretSession
    http: H2Connection = field(default_factory=H2Connection)

    def __post_init__(self) -> None:
        self.http.initiate_connection()

    def ask(self, path: str, message: bytes) -> tuple[bytes, str]:
        """The message of the answer, and its status."""
        body, status, ended = b"", "", False
        number = self.http.get_next_available_stream_id()
        head = {
            ":method": "POST",
            ":scheme": "http",
            ":authority": "x",
            ":path": path,
            "te": "trailers",
        }
        self.http.send_headers(number, list(head.items()))
        self.http.send_data(
            number, b"\0" + len(message).to_bytes(4, "big") + message, end_stream=True
        )
        while not ended:
            sent = self.session.receive(self.http.data_to_send())
            assert sent, "nothing more to say, and no end"
            for event in self.http.receive_data(sent):
                if isinstance(event, (ResponseReceived, TrailersReceived)):
                    status = dict(event.headers).get(b"grpc-status", b"").decode() or status
                elif isinstance(event, DataReceived):
                    body += event.data
                    self.http.acknowledge_received_data(event.flow_controlled_length, number)
                ended = ended or isinstance(event, StreamEnded)
        return body, status


def asking(name: str) -> bytes:
    return b"\x0a" + bytes([len(name)]) + name.encode()


def test_a_secret_is_handed_over() -> None:
    engine = Engine(SecretSession({"token": b"value"}))
    assert engine.ask(ASKED, asking("token")) == (b"\0\0\0\0\x07\x0a\x05value", "0")


def test_others_are_not() -> None:
    engine = Engine(SecretSession({"token": b"value"}))
    assert engine.ask(ASKED, asking("other")) == (b"", "5")
    assert engine.ask(ASKED, b"") == (b"", "5")
    assert engine.ask("/moby.filesync.v1.Auth/Credentials", asking("token")) == (b"", "12")
    assert engine.ask(HEALTH, b"") == (b"\0\0\0\0\x02\x08\x01", "0")


def test_a_large_one_waits_for_room() -> None:
    value = bytes(range(256)) * 1000
    body, status = Engine(SecretSession({"token": value})).ask(ASKED, asking("token"))
    assert (body[5:], status) == (b"\x0a\x80\xd0\x0f" + value, "0")


def test_what_is_no_http2_ends_it() -> None:
    with pytest.raises(ValueError, match="does not speak HTTP/2"):
        SecretSession({}).receive(b"GET / HTTP/1.1\r\nhost: docker\r\n")


@given(st.lists(st.integers(1, 40), max_size=60))
def test_bytes_may_come_in_any_pieces(sizes: list[int]) -> None:
    engine = H2Connection()
    engine.initiate_connection()
    head = {":method": "POST", ":scheme": "http", ":authority": "x", ":path": ASKED}
    engine.send_headers(1, list(head.items()))
    engine.send_data(1, b"\0\0\0\0\x07" + asking("token"), end_stream=True)
    data = engine.data_to_send()
    whole = SecretSession({"token": b"value"}).receive(data)
    assert b"value" in whole
    session, out = SecretSession({"token": b"value"}), b""
    for size in sizes:
        out += session.receive(data[:size])
        data = data[size:]
    assert out + session.receive(data) == whole
