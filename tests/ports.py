"""Free ports of this machine, for servers of a test's own."""

from __future__ import annotations

import random
import socket

FIRST, LAST = 20_000, 32_000
"""Below those that the kernel gives to whoever connects (ip(7), `ip_local_port_range`): a port of
those can be taken between the moment it was found free and the moment a server takes it."""


def free_port() -> int:
    while True:
        port = random.randint(FIRST, LAST)
        with socket.socket() as listener:
            try:
                listener.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
