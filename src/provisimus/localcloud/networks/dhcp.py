"""DHCP for a machine whose address is known beforehand: a question in, an answer out. Pure.

Sources: RFC 2131 (the protocol), RFC 2132 (options).
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

SERVER_PORT, CLIENT_PORT = 67, 68
LEASE = 3600
"""Seconds, as EC2 leases addresses."""

_COOKIE = b"\x63\x82\x53\x63"
_FIXED = 236
_DISCOVER, _OFFER, _REQUEST, _ACK, _NAK = 1, 2, 3, 5, 6
_MASK, _ROUTER, _NAMES, _HOST, _DOMAIN, _MTU = 1, 3, 6, 12, 15, 26
_WANTED, _TIME, _KIND, _SERVER, _CLIENT = 50, 51, 53, 54, 61
_END, _PAD = 255, 0


@dataclass(frozen=True)
class Lease:
    """What one machine is told; addresses of the subnet that it lies in."""

    address: str
    block: str
    router: str
    resolver: str
    hostname: str
    domain: str


def answer(question: bytes, lease: Lease) -> tuple[bytes, str] | None:
    """The reply and the address it goes to; None to what is no question for an address."""
    if len(question) < _FIXED + 4 or question[0] != 1 or question[_FIXED : _FIXED + 4] != _COOKIE:
        return None
    options = _read_options(question[_FIXED + 4 :])
    kind = (options.get(_KIND) or b"\0")[0]
    if kind not in (_DISCOVER, _REQUEST):
        return None
    now = question[12:16]
    own = ipaddress.IPv4Address(lease.address).packed
    wanted = options.get(_WANTED) or (now if any(now) else own)
    verdict = _OFFER if kind == _DISCOVER else _ACK if wanted == own else _NAK
    return _reply(question, options, lease, verdict), (
        str(ipaddress.IPv4Address(now)) if any(now) and verdict == _ACK else "255.255.255.255"
    )


def _reply(question: bytes, options: dict[int, bytes], lease: Lease, verdict: int) -> bytes:
    router = ipaddress.IPv4Address(lease.router).packed
    network = ipaddress.ip_network(lease.block)
    told = [(_KIND, bytes((verdict,))), (_SERVER, router)]
    own = bytes(4)
    if verdict != _NAK:
        own = ipaddress.IPv4Address(lease.address).packed
        told += [
            (_TIME, struct.pack(">I", LEASE)),
            (_MASK, network.netmask.packed),
            (_ROUTER, router),
            (_NAMES, ipaddress.IPv4Address(lease.resolver).packed),
            (_HOST, lease.hostname.encode()),
            (_DOMAIN, lease.domain.encode()),
            (_MTU, struct.pack(">H", 1500)),
        ]
    if _CLIENT in options:  # RFC 6842: it is given back
        told.append((_CLIENT, options[_CLIENT]))
    now = question[12:16] if verdict == _ACK else bytes(4)
    return (
        bytes((2, question[1], question[2], 0)) + question[4:8] + bytes(2) + question[10:12]
        + now + own + router + question[24:44] + bytes(192) + _COOKIE
        + b"".join(bytes((code, len(value))) + value for code, value in told) + bytes((_END,))
    )  # fmt: skip


def _read_options(data: bytes) -> dict[int, bytes]:
    options: dict[int, bytes] = {}
    position = 0
    while position < len(data) and data[position] != _END:
        if data[position] == _PAD:
            position += 1
            continue
        length = data[position + 1] if position + 1 < len(data) else 0
        options[data[position]] = data[position + 2 : position + 2 + length]
        position += 2 + length
    return options
