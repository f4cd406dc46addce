"""What one local cloud has for itself: its directory, and the port of its API."""

from __future__ import annotations

import fcntl
import os
import socket
from typing import IO

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout


def take_directory(layout: Layout) -> IO[str]:
    """Make the directory ours by a lock that ends with the process. Raises LocalCloudError."""
    try:
        layout.make()
        lock = layout.lock.open("a+")
    except OSError as error:
        raise LocalCloudError(f"{layout.root} cannot be written: {error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        raise LocalCloudError(
            f"a local cloud runs in {layout.root} already (process {holder})",
            "use it, or stop it first: provisimus local down",
        ) from None
    lock.truncate(0)
    lock.write(f"{os.getpid()}\n")
    lock.flush()
    return lock


def take_port(port: int) -> socket.socket:
    """Listen on a loopback port. Raises LocalCloudError when it is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError as error:
        raise LocalCloudError(
            f"port {port} of 127.0.0.1 cannot be taken: {error.strerror}",
            "choose another (PROVISIMUS_LOCAL_PORT), or stop what listens there",
        ) from None
    listener.listen(128)
    return listener
