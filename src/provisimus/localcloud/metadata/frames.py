"""Ethernet frames with ARP or TCP over IPv4, read and written. Pure.

Only what a server at one address needs. Sources: RFC 826 (ARP), RFC 791 (IPv4), RFC 9293 (TCP).
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

ADDRESS = ipaddress.IPv4Address("169.254.169.254").packed
OUR_MAC = bytes.fromhex("02a9fea9fefe")
GUEST_MAC = "02:a9:fe:a9:fe:01"
"""Of the guest's card on the wire; the same in every machine, as no two share a wire."""
GUEST_ADDRESS = "169.254.169.1"
"""What the guest may call itself on the wire; any other address is answered as well."""

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
USUAL_HOPS = 64

_ARP, _IPV4, _TCP = 0x0806, 0x0800, 6
_MAXIMUM_SEGMENT = 1460


@dataclass(frozen=True)
class Peer:
    """Who speaks from the guest: its card, its address and its port."""

    mac: bytes
    address: bytes
    port: int


@dataclass(frozen=True)
class Segment:
    """One TCP segment between a peer and us; ``hops`` is the time to live of its packet."""

    peer: Peer
    port: int
    sequence: int
    acknowledgement: int
    flags: int
    window: int = 65535
    payload: bytes = b""
    largest: int | None = None
    """The sender's maximum segment size in bytes, which only a SYN tells."""
    hops: int = USUAL_HOPS


def arp_reply(frame: bytes) -> bytes | None:
    """The answer to a question for our address; None to any other frame."""
    if len(frame) < 42 or frame[12:14] != struct.pack(">H", _ARP):
        return None
    operation = struct.unpack(">H", frame[20:22])[0]
    if operation != 1 or frame[38:42] != ADDRESS:
        return None
    asker = frame[22:32]  # its card and address
    return (
        frame[22:28] + OUR_MAC + struct.pack(">HHHBBH", _ARP, 1, _IPV4, 6, 4, 2)
        + OUR_MAC + ADDRESS + asker
    )  # fmt: skip


def read_segment(frame: bytes) -> Segment | None:
    """The TCP segment to our address that a frame carries, if it is one."""
    if len(frame) < 54 or frame[12:14] != struct.pack(">H", _IPV4):
        return None
    packet = frame[14:]
    header = (packet[0] & 15) * 4
    length = struct.unpack(">H", packet[2:4])[0]
    if packet[0] >> 4 != 4 or packet[9] != _TCP or packet[16:20] != ADDRESS or header < 20:
        return None
    body = packet[header:length]
    if len(body) < 20:
        return None
    source, target, sequence, acknowledgement, offset, flags, window = struct.unpack(
        ">HHIIBBH", body[:16]
    )
    start = (offset >> 4) * 4
    if start < 20 or start > len(body):
        return None
    return Segment(
        Peer(frame[6:12], packet[12:16], source), target, sequence, acknowledgement, flags, window,
        body[start:], _largest(body[20:start]) if flags & SYN else None, packet[8],
    )  # fmt: skip


def write_segment(segment: Segment) -> bytes:
    """The frame that carries a segment from us to the peer."""
    options = b""
    if segment.flags & SYN:
        options = struct.pack(">BBH", 2, 4, segment.largest or _MAXIMUM_SEGMENT)
    body = struct.pack(
        ">HHIIBBHHH", segment.port, segment.peer.port, segment.sequence, segment.acknowledgement,
        (20 + len(options)) // 4 << 4, segment.flags, segment.window, 0, 0,
    ) + options + segment.payload  # fmt: skip
    pseudo = ADDRESS + segment.peer.address + struct.pack(">HH", _TCP, len(body))
    body = body[:16] + struct.pack(">H", checksum(pseudo + body)) + body[18:]
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0x4000, segment.hops, _TCP, 0,
        ADDRESS, segment.peer.address,
    )  # fmt: skip
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    return segment.peer.mac + OUR_MAC + struct.pack(">H", _IPV4) + header + body


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071); zero over data that holds its own."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def _largest(options: bytes) -> int | None:
    position = 0
    while position < len(options):
        kind = options[position]
        if kind == 0:
            return None
        if kind == 1:
            position += 1
            continue
        if position + 1 >= len(options) or options[position + 1] < 2:
            return None
        length = options[position + 1]
        if kind == 2 and length == 4 and position + 4 <= len(options):
            return int(struct.unpack(">H", options[position + 2 : position + 4])[0])
        position += length
    return None
