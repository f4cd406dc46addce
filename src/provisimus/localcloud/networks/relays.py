"""Carries connections between this computer and namespaces, and serves sockets made there.

One thread with an event loop for all. A connection is carried to its other side before a byte is
read; where nobody answers there, it is reset, as a closed port does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.faults import LocalCloudError

log = logging.getLogger(__name__)

_PIECE = 256 * 1024
_ATTEMPTS, _ATTEMPT = 4, 1.5
"""A machine that is being powered on answers soon: how often, and for how many seconds each."""
_RESET = struct.pack("ii", 1, 0)

Connect = Callable[[], Awaitable[socket.socket]]


@dataclass(frozen=True)
class Served:
    """A socket that is served until it is closed."""

    close: Callable[[], None]


class Relays:
    """The thread. Sockets that it is given are its own."""

    def __init__(self) -> None:
        self.carried: set[int] = set()
        """Ports of this computer from which machines' connections come in here."""
        self._loop = asyncio.new_event_loop()
        # A name server that does not answer holds a thread for seconds.
        self._loop.set_default_executor(ThreadPoolExecutor(32, thread_name_prefix="relays"))
        threading.Thread(target=self._loop.run_forever, name="relays", daemon=True).start()

    def accept(self, listener: socket.socket, connect: Connect) -> Served:
        """Carry what comes in at a listener to what ``connect`` reaches."""
        listener.setblocking(False)
        return self._serve(listener, self._accepting(listener, connect))

    def answer(
        self, bound: socket.socket, reply: Callable[[bytes], tuple[bytes, str] | bytes | None],
        port: int | None = None,
    ) -> Served:  # fmt: skip
        """Answer datagrams, in threads; a reply goes back, or to an address and ``port``."""
        bound.setblocking(False)

        async def one(data: bytes, sender: Any) -> None:
            told = await asyncio.to_thread(reply, data)
            if isinstance(told, tuple):
                told, sender = told[0], (told[1], port)
            if told is not None:
                with contextlib.suppress(OSError):  # the device is gone
                    bound.sendto(told, sender)

        async def all_of_them() -> None:
            tasks: set[asyncio.Task[None]] = set()
            while True:
                data, sender = await self._loop.sock_recvfrom(bound, 65535)
                task = self._loop.create_task(one(data, sender))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

        return self._serve(bound, all_of_them())

    def inward(self, make: Callable[[], socket.socket], address: str, port: int) -> Connect:
        """Connect with sockets of a namespace to an address there."""

        async def connect() -> socket.socket:
            for attempt in range(_ATTEMPTS):
                made = await asyncio.to_thread(make)
                made.setblocking(False)
                try:
                    async with asyncio.timeout(_ATTEMPT):
                        await self._loop.sock_connect(made, (address, port))
                except TimeoutError:
                    made.close()
                    if attempt == _ATTEMPTS - 1:
                        raise
                except OSError:
                    made.close()
                    raise
                else:
                    return made
            raise TimeoutError

        return connect

    def outward(self, port: int) -> Connect:
        """Connect to a port of this computer's loopback, and remember from where."""

        async def connect() -> socket.socket:
            made = _Carried(self.carried)
            made.setblocking(False)
            try:
                await self._loop.sock_connect(made, ("127.0.0.1", port))
            except OSError:
                made.close()
                raise
            return made

        return connect

    async def _accepting(self, listener: socket.socket, connect: Connect) -> None:
        tasks: set[asyncio.Task[None]] = set()
        while True:
            came, _ = await self._loop.sock_accept(listener)
            came.setblocking(False)
            task = self._loop.create_task(self._carry(came, connect))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    async def _carry(self, came: socket.socket, connect: Connect) -> None:
        with came:
            try:
                other = await connect()
            except (OSError, LocalCloudError) as error:
                log.debug("a connection is not carried: %s", error)
                came.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                return
            with other:
                for end in (came, other):
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(self._pump(came, other))
                        both.create_task(self._pump(other, came))
                except* OSError:
                    for end in (came, other):  # whoever is left learns that it broke
                        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    async def _pump(self, source: socket.socket, target: socket.socket) -> None:
        while piece := await self._loop.sock_recv(source, _PIECE):
            await self._loop.sock_sendall(target, piece)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _serve(self, served: socket.socket, work: Coroutine[Any, Any, None]) -> Served:
        async def begin() -> asyncio.Task[None]:
            return self._loop.create_task(work)

        task = asyncio.run_coroutine_threadsafe(begin(), self._loop).result()

        async def stop() -> None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            served.close()

        def close() -> None:
            """Returns when the port is free."""
            asyncio.run_coroutine_threadsafe(stop(), self._loop).result()

        return Served(close)


class _Carried(socket.socket):
    """A socket whose port is in a set for as long as it is open."""

    def __init__(self, ports: set[int]) -> None:
        super().__init__()
        self._ports = ports
        self.bind(("127.0.0.1", 0))
        self._own = self.getsockname()[1]
        ports.add(self._own)

    def close(self) -> None:
        super().close()
        self._ports.discard(self._own)
