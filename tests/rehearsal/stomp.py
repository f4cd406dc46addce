"""A client of a message broker, as small as one can be (STOMP 1.2)."""

from __future__ import annotations

import socket


def stomp(
    port: int, queue: str, send: str = "", *, receive: bool = False, host: str = "127.0.0.1"
) -> str:
    """Connect to the broker (STOMP 1.2), and send or receive one message. Raises OSError."""
    with socket.create_connection((host, port), timeout=30) as connection:
        frames = connection.makefile("rb")

        def ask(command: str, headers: dict[str, str], body: str = "") -> None:
            lines = [command, *(f"{name}:{value}" for name, value in headers.items()), "", body]
            connection.sendall("\n".join(lines).encode() + b"\0")

        def frame() -> tuple[str, str]:
            got = bytearray()
            while not got.endswith(b"\0"):
                byte = frames.read(1)
                if not byte:
                    raise ConnectionResetError("the broker hung up")
                got += byte
            head, _, body = got.rstrip(b"\0").decode().lstrip("\n").partition("\n\n")
            return head.partition("\n")[0], body

        ask("CONNECT", {"accept-version": "1.2", "host": "acme"})
        assert frame()[0] == "CONNECTED"
        if send:
            ask("SEND", {"destination": queue, "receipt": "1", "persistent": "true"}, send)
            assert frame()[0] == "RECEIPT"
        if receive:
            ask("SUBSCRIBE", {"id": "0", "destination": queue, "ack": "auto"})
            command, body = frame()
            assert command == "MESSAGE"
            return body
    return ""
