"""Whether a request came from a guest, whatever its headers say.

User-mode networking brings a guest's connections to this computer's loopback, where they look like
anybody's. But they belong to a QEMU process: the kernel tells which socket is at the other end of
a connection (proc(5), /proc/net/tcp) and which process holds it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LOOPBACK = f"{struct.unpack('=I', bytes((127, 0, 0, 1)))[0]:08X}"
_MAPPED = f"{0:016X}{struct.unpack('=I', bytes((0, 0, 255, 255)))[0]:08X}{_LOOPBACK}"
"""127.0.0.1 as a socket of IPv6 spells it."""


def from_guest(peer_port: int, our_port: int, machines: Iterable[int]) -> bool:
    """Whether the other end of a loopback connection belongs to one of these processes.

    What cannot be found out counts as a guest: who asks is on this computer and waits for an
    answer, so its socket is there.
    """
    processes = tuple(machines)
    if not processes:
        return False
    tables = (path.read_text() for path in _TABLES if path.exists())
    inode = next((i for table in tables if (i := socket_inode(table, peer_port, our_port))), None)
    return inode is None or any(_holds(process, inode) for process in processes)


def socket_inode(table: str, local_port: int, remote_port: int) -> str | None:
    """The inode of the connection from one port of 127.0.0.1 to another, in /proc/net/tcp."""
    ends = [
        [f"{address}:{port:04X}" for port in (local_port, remote_port)]
        for address in (_LOOPBACK, _MAPPED)
    ]
    for line in table.splitlines()[1:]:
        fields = line.split()
        if fields[1:3] in ends:
            return fields[9]
    return None


def _holds(process: int, inode: str) -> bool:
    wanted = Path(f"socket:[{inode}]")
    try:
        return any(each.readlink() == wanted for each in Path(f"/proc/{process}/fd").iterdir())
    except OSError:  # it ended, or closed a file meanwhile
        return False
