"""The process that lives in a VPC's network namespace, and makes devices and sockets there.

Asked over the Unix socket that is descriptor 3: a message of JSON with the operation, an answer of
JSON with the descriptors that were made. When the other end is gone it ends, and with it and what
runs in it the kernel ends the namespace. It is started inside the namespace already, as root of it,
and imports nothing that it does not need: there is one per VPC.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

LARGEST = 1 << 20
"""Bytes of one message."""
TUN = Path("/dev/net/tun")
_TUNSETIFF = 0x400454CA
_TAP, _NO_PI, _VNET_HDR = 0x0002, 0x1000, 0x4000

Made = tuple[Any, list[int]]


def serve(control: socket.socket) -> None:
    """Answer until the other end closes."""
    while True:
        data, *_ = socket.recv_fds(control, LARGEST, 0)
        if not data:
            return
        asked = json.loads(data)
        made: list[int] = []
        try:
            value, made = _OPERATIONS[asked.pop("operation")](**asked)
            reply = {"value": value}
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stdout", None)
            reply = {"error": f"{error}: {output.strip()}" if output else str(error)}
        socket.send_fds(control, [json.dumps(reply).encode()], made)
        for descriptor in made:
            os.close(descriptor)


def begin() -> Made:
    """Make a router of the namespace, with no way out yet."""
    _ip("link set lo up", "route add blackhole default metric 4096")
    for name, value in (
        ("net/ipv4/ip_forward", "1"),
        ("net/ipv4/conf/all/send_redirects", "0"),
        ("net/ipv4/conf/default/send_redirects", "0"),
        ("net/ipv4/conf/default/proxy_arp", "1"),
        ("net/ipv4/neigh/default/proxy_delay", "0"),
        ("net/ipv6/conf/all/disable_ipv6", "1"),
        ("net/ipv6/conf/default/disable_ipv6", "1"),
        ("net/ipv4/ip_unprivileged_port_start", "0"),
    ):
        place = Path("/proc/sys") / name
        if place.exists():
            place.write_text(value)
    return os.getpid(), []


def tap(name: str, router: str, address: str, mac: str) -> Made:
    """A device for a machine at an address, and the socket at which it asks for that (DHCP)."""
    device = os.open(TUN, os.O_RDWR | os.O_CLOEXEC)
    try:
        wanted = struct.pack("16sH22x", name.encode(), _TAP | _NO_PI | _VNET_HDR)
        fcntl.ioctl(device, _TUNSETIFF, wanted)
        _ip(
            f"address add {router}/32 dev {name}",
            f"link set {name} up",
            f"route replace {address}/32 dev {name}",
            f"neighbour replace {address} lladdr {mac} dev {name} nud permanent",
        )
        leases = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        leases.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        leases.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        leases.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode() + b"\0")
        leases.bind(("", 67))
    except BaseException:
        os.close(device)
        raise
    return None, [device, leases.detach()]


def addresses(add: list[str], remove: list[str]) -> Made:
    """Have addresses of the VPC be this namespace's own, or no longer."""
    _ip(
        *(f"address replace {each}/32 dev lo" for each in add),
        *(f"address delete {each}/32 dev lo" for each in remove),
    )
    return None, []


def listen(address: str, port: int, kind: str = "tcp") -> Made:
    """A socket that listens, or for UDP is bound."""
    stream = kind == "tcp"
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if stream else socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    if stream:
        made.listen(128)
    return None, [made.detach()]


def client(source: str) -> Made:
    """A TCP socket that may connect from an address."""
    made = socket.socket()
    made.bind((source, 0))
    return None, [made.detach()]


def rules(text: str) -> Made:
    """Load a ruleset."""
    _run(["nft", "-f", "-"], text)
    return None, []


def _ip(*lines: str) -> None:
    _run(["ip", "-batch", "-"], "\n".join(lines) + "\n")


def _run(arguments: list[str], given: str) -> None:
    subprocess.run(
        arguments, input=given, check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


_OPERATIONS: dict[str, Callable[..., Made]] = {
    each.__name__: each for each in (begin, tap, addresses, listen, client, rules)
}


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
