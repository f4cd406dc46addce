"""DHCP by bytes: what busybox's client asks, and what it is told."""

from __future__ import annotations

import ipaddress

import pytest

from provisimus.localcloud.networks.dhcp import Lease, answer

LEASE = Lease(
    "10.0.1.4", "10.0.1.0/24", "10.0.1.1", "10.0.0.2", "ip-10-0-1-4", "eu-west-1.compute.internal"
)
MAC = bytes.fromhex("020000000001")


def question(kind: int, wanted: str = "", now: str = "0.0.0.0", more: bytes = b"") -> bytes:
    options = bytes((53, 1, kind)) + more
    if wanted:
        options += bytes((50, 4)) + ipaddress.IPv4Address(wanted).packed
    return (
        bytes((1, 1, 6, 0)) + b"\x01\x02\x03\x04" + bytes(2) + b"\x80\x00"
        + ipaddress.IPv4Address(now).packed + bytes(12) + MAC + bytes(10) + bytes(192)
        + b"\x63\x82\x53\x63" + options + b"\xff"
    )  # fmt: skip


def told(reply: bytes) -> dict[int, bytes]:
    found, position = {}, 240
    while reply[position] != 255:
        length = reply[position + 1]
        found[reply[position]] = reply[position + 2 : position + 2 + length]
        position += 2 + length
    return found


def test_a_machine_is_offered_its_own_address_and_told_of_its_network() -> None:
    made = answer(question(1), LEASE)
    assert made is not None
    reply, to = made
    assert to == "255.255.255.255"
    assert reply[:8] == bytes((2, 1, 6, 0)) + b"\x01\x02\x03\x04"
    assert str(ipaddress.IPv4Address(reply[16:20])) == "10.0.1.4"
    assert reply[28:34] == MAC
    assert told(reply) == {
        53: b"\x02",
        54: bytes((10, 0, 1, 1)),
        51: (3600).to_bytes(4, "big"),
        1: bytes((255, 255, 255, 0)),
        3: bytes((10, 0, 1, 1)),
        6: bytes((10, 0, 0, 2)),
        12: b"ip-10-0-1-4",
        15: b"eu-west-1.compute.internal",
        26: (1500).to_bytes(2, "big"),
    }


@pytest.mark.parametrize(
    ("asked", "kind", "to"),
    [
        (question(3, wanted="10.0.1.4"), 5, "255.255.255.255"),
        (question(3, now="10.0.1.4"), 5, "10.0.1.4"),  # a renewal is answered where it is asked
        (question(3, wanted="10.0.1.9"), 6, "255.255.255.255"),
        (question(3, now="10.0.9.9"), 6, "255.255.255.255"),
    ],
)
def test_only_its_own_address_is_granted(asked: bytes, kind: int, to: str) -> None:
    made = answer(asked, LEASE)
    assert made is not None
    assert (told(made[0])[53], made[1]) == (bytes((kind,)), to)


def test_a_clients_identifier_comes_back() -> None:
    made = answer(question(1, more=bytes((61, 3)) + b"abc"), LEASE)
    assert made is not None
    assert told(made[0])[61] == b"abc"


@pytest.mark.parametrize(
    "asked", [b"", b"\x01" * 100, question(7), question(1)[:239], b"\x02" + question(1)[1:]]
)
def test_anything_else_is_not_answered(asked: bytes) -> None:
    assert answer(asked, LEASE) is None
