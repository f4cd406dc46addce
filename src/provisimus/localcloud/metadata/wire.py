"""A thread at our end of one machine's wire: frames come and go until QEMU closes its end.

QEMU's ``-netdev socket`` puts each frame after its length, four bytes big-endian, on a stream.
"""

from __future__ import annotations

import logging
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator

from provisimus.localcloud.metadata.http import Reply, write_reply
from provisimus.localcloud.metadata.tcp import Answer, Link, Serve

log = logging.getLogger(__name__)

_LARGEST = 64 * 1024
_LENGTH = struct.Struct(">I")


class Wire:
    """One machine's metadata service. Ends by itself when the other end is closed."""

    def __init__(self, ours: socket.socket, name: str, serve: Serve) -> None:
        self._socket = ours
        self._serve = serve
        self._link = Link(self._guarded)
        self._name = name
        threading.Thread(target=self._run, name=f"metadata-{name}", daemon=True).start()

    def _guarded(self, data: bytes) -> Answer | None:
        try:
            return self._serve(data)
        except Exception:
            log.exception("%s: its metadata service has no answer", self._name)
            return Answer(write_reply(Reply(500)))

    def _run(self) -> None:
        try:
            for frames in self._exchanges():
                for frame in frames:
                    self._socket.sendall(_LENGTH.pack(len(frame)) + frame)
        except OSError:
            pass  # the machine ended in the middle of a frame
        except Exception:
            log.exception("%s: the metadata service broke", self._name)
        finally:
            self._socket.close()

    def _exchanges(self) -> Iterator[list[bytes]]:
        came = b""
        while True:
            wakes = self._link.wakes
            pause = None if wakes is None else max(0.0, wakes - time.monotonic())
            if not select.select([self._socket], [], [], pause)[0]:
                yield self._link.tick(time.monotonic())
                continue
            piece = self._socket.recv(_LARGEST)
            if not piece:
                return
            came += piece
            while len(came) >= _LENGTH.size:
                length = _LENGTH.unpack_from(came)[0]
                if len(came) < _LENGTH.size + length:
                    break
                frame, came = (
                    came[_LENGTH.size : _LENGTH.size + length],
                    came[_LENGTH.size + length :],
                )
                yield self._link.receive(frame, time.monotonic())
