"""The session that hands secrets to BuildKit: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisimus.images.builders.session import ASKED, SecretSession

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HUFFMAN = bytes.fromhex("6293c7e978ed35127532574149615285fb857dc525854a18c454ee292c2a7f")
HEALTH = bytes.fromhex("626b2b22f394742675fb857c651d099d8bd3949d7f")
DATA, HEADERS, SETTINGS, PING, WINDOW = 0, 1, 4, 6, 8


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    head = len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big")
    return head + payload


def frames(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    while data:
        size = 9 + int.from_bytes(data[:3], "big")
        yield data[3], data[4], int.from_bytes(data[5:9], "big"), data[9:size]
        data = data[size:]


def request(stream: int, path: bytes, message: bytes) -> bytes:
    body = b"\x00" + len(message).to_bytes(4, "big") + message
    block = b"\x83\x86\x04" + bytes([0x80 | len(path)]) + path + b"\x0f\x0d\x02te"
    return frame(HEADERS, 4, stream, block) + frame(DATA, 1, stream, body)


def asking(name: str) -> bytes:
    return b"\x0a" + bytes([len(name)]) + name.encode()


def opened(**secrets: bytes) -> SecretSession:
    session = SecretSession(secrets)
    greeting = list(frames(session.receive(PREFACE + frame(SETTINGS, 0, 0))))
    # No dynamic table, so that requests spell their paths out; and an acknowledgement.
    assert greeting == [(SETTINGS, 0, 0, b"\0\1\0\0\0\0"), (SETTINGS, 1, 0, b"")]
    return session


def said(data: bytes) -> tuple[bytes, bytes]:
    """The message of one answer, and its status."""
    *_, last = found = list(frames(data))
    body = b"".join(payload for kind, _, _, payload in found if kind == DATA)
    assert last[:2] == (HEADERS, 5)
    return body, last[3].partition(b"grpc-status")[2][1:]


@pytest.mark.parametrize("path", [HUFFMAN, ASKED.encode()])
def test_a_secret_is_handed_over(path: bytes) -> None:
    answer = opened(token=b"value").receive(request(1, path, asking("token")))
    assert next(frames(answer))[3].endswith(b"application/grpc")
    assert said(answer) == (b"\0\0\0\0\x07\x0a\x05value", b"0")


def test_others_are_not() -> None:
    session = opened(token=b"value")
    assert said(session.receive(request(1, HUFFMAN, asking("other")))) == (b"", b"5")
    other = request(3, b"/moby.filesync.v1.Auth/Credentials", asking("token"))
    assert said(session.receive(other)) == (b"", b"12")
    assert said(session.receive(request(5, HEALTH, b""))) == (b"\0\0\0\0\x02\x08\x01", b"0")


def test_a_large_one_waits_for_room() -> None:
    value = bytes(range(256)) * 1000
    session = opened(token=value)
    out = session.receive(request(1, HUFFMAN, asking("token")))
    assert len(b"".join(each[3] for each in frames(out) if each[0] == DATA)) == 65535
    room = (1 << 20).to_bytes(4, "big")
    # Of the stream alone is not enough.
    assert session.receive(frame(WINDOW, 0, 1, room)) == b""
    out += session.receive(frame(WINDOW, 0, 0, room))
    assert max(len(each[3]) for each in frames(out)) == 16384
    assert said(out)[0][5:] == b"\x0a\x80\xd0\x0f" + value


def test_a_ping_comes_back_and_what_is_no_http2_ends_it() -> None:
    session = opened()
    assert session.receive(frame(PING, 0, 0, b"12345678")) == frame(PING, 1, 0, b"12345678")
    assert session.receive(frame(PING, 1, 0, b"12345678")) == b""
    assert session.receive(frame(SETTINGS, 1, 0)) == b""
    with pytest.raises(ValueError, match="does not begin"):
        SecretSession({}).receive(b"GET / HTTP/1.1\r\nhost: docker\r\n")


@given(st.lists(st.integers(1, 40), max_size=60))
def test_bytes_may_come_in_any_pieces(sizes: list[int]) -> None:
    data = PREFACE + frame(SETTINGS, 0, 0) + request(1, HUFFMAN, asking("token"))
    whole = SecretSession({"token": b"value"}).receive(data)
    session, out = SecretSession({"token": b"value"}), b""
    for size in sizes:
        out += session.receive(data[:size])
        data = data[size:]
    assert out + session.receive(data) == whole
