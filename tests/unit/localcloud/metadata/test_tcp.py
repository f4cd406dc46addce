"""The wire's few packets: a guest played by hand speaks to the server end."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import pytest

from provisimus.localcloud.metadata.frames import (
    ACK,
    ADDRESS,
    FIN,
    OUR_MAC,
    PSH,
    RST,
    SYN,
    arp_reply,
    checksum,
    read_segment,
)
from provisimus.localcloud.metadata.tcp import MOST_TRIES, Answer, Link

MAC = bytes.fromhex("02a9fea9fe01")
HOME = bytes((169, 254, 169, 1))
WHOLE = b"GET / HTTP/1.1\r\n\r\n"


def frame(port, sequence, acknowledgement, flags, payload=b"", window=65535, target=80, to=ADDRESS):
    options = struct.pack(">BBHBB", 2, 4, 1000, 1, 0) + b"\0\0" if flags & SYN else b""
    body = struct.pack(
        ">HHIIBBHHH", port, target, sequence, acknowledgement, (20 + len(options)) // 4 << 4,
        flags, window, 0, 0,
    ) + options + payload  # fmt: skip
    header = struct.pack(
        ">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, 6, 0, HOME, to
    )  # fmt: skip
    return OUR_MAC + MAC + struct.pack(">H", 0x0800) + header + body


def told(frames):
    """What came back: (flags, sequence, acknowledgement, payload, hops) each, checksums proven."""
    seen = []
    for each in frames:
        packet = each[14:]
        body = packet[20:]
        assert checksum(packet[:20]) == 0
        assert checksum(packet[12:20] + struct.pack(">HH", 6, len(body)) + body) == 0
        assert (each[:6], packet[16:20]) == (MAC, HOME)
        _, _, sequence, acknowledgement, offset, flags = struct.unpack(">HHIIBB", body[:14])
        seen.append((flags, sequence, acknowledgement, body[(offset >> 4) * 4 :], packet[8]))
    return seen


@dataclass
class Served:
    """A server that answers what is whole, and remembers what came."""

    content: bytes = b"answer"
    hops: int = 64
    asked: bytes = b""

    def __call__(self, data):
        self.asked = data
        return Answer(self.content, self.hops) if data.endswith(b"\r\n\r\n") else None


def opened(served, first=1000, window=65535):
    link = Link(served, lambda: first)
    assert told(link.receive(frame(5000, 7, 0, SYN, window=window), 0)) == [
        (SYN | ACK, first, 8, b"", 64)
    ]
    assert link.receive(frame(5000, 8, (first + 1) % 2**32, ACK, window=window), 0) == []
    return link


def test_a_guest_finds_the_address():
    question = (
        b"\xff" * 6 + MAC + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, 1) + MAC + HOME
        + b"\0" * 6 + ADDRESS
    )  # fmt: skip
    assert arp_reply(question) == (
        MAC + OUR_MAC + struct.pack(">HHHBBH", 0x0806, 1, 0x0800, 6, 4, 2) + OUR_MAC + ADDRESS
        + MAC + HOME
    )  # fmt: skip
    assert arp_reply(question[:-4] + HOME) is None


def test_one_request_one_answer_and_the_end():
    served = Served()
    link = opened(served)
    assert told(link.receive(frame(5000, 8, 1001, PSH | ACK, WHOLE), 0)) == [
        (ACK | PSH | FIN, 1001, 8 + len(WHOLE), b"answer", 64)
    ]
    done = 8 + len(WHOLE)
    assert told(link.receive(frame(5000, done, 1008, FIN | ACK), 0)) == [
        (ACK, 1008, done + 1, b"", 64)
    ]
    assert link.wakes is None


def test_a_request_may_come_in_pieces_and_twice():
    served = Served()
    link = opened(served)
    assert told(link.receive(frame(5000, 8, 1001, ACK, WHOLE[:5]), 0)) == [(ACK, 1001, 13, b"", 64)]
    assert told(link.receive(frame(5000, 20, 1001, ACK, WHOLE[12:]), 0)) == [
        (ACK, 1001, 13, b"", 64)  # something between is missing
    ]
    assert told(link.receive(frame(5000, 8, 1001, ACK, WHOLE), 0))[0][3] == b"answer"
    assert served.asked == WHOLE


def test_numbers_may_run_over():
    link = opened(Served(), first=2**32 - 1)
    assert told(link.receive(frame(5000, 8, 0, ACK, WHOLE), 0))[0][:2] == (ACK | PSH | FIN, 0)


def test_a_guest_that_ends_its_side_with_the_request_is_answered():
    link = opened(Served())
    seen = told(link.receive(frame(5000, 8, 1001, PSH | ACK | FIN, WHOLE), 0))
    assert seen == [(ACK | PSH | FIN, 1001, 9 + len(WHOLE), b"answer", 64)]
    assert link.receive(frame(5000, 9 + len(WHOLE), 1008, ACK), 0) == []
    assert link.wakes is None


def test_a_guest_that_ends_without_a_request_gets_an_end():
    link = opened(Served())
    assert told(link.receive(frame(5000, 8, 1001, FIN | ACK), 0)) == [
        (ACK | PSH | FIN, 1001, 9, b"", 64)
    ]


def test_no_more_is_sent_than_the_guests_window_and_segments_take():
    link = opened(Served(b"x" * 2500), window=1500)
    seen = told(link.receive(frame(5000, 8, 1001, ACK, WHOLE, window=1500), 0))
    assert [len(each[3]) for each in seen] == [1000, 500]
    rest = told(link.receive(frame(5000, 8 + len(WHOLE), 2501, ACK, window=1500), 0))
    assert [(each[0], len(each[3])) for each in rest] == [(ACK | PSH | FIN, 1000)]


def test_what_is_not_acknowledged_is_sent_again_with_growing_patience():
    link = opened(Served())
    first = told(link.receive(frame(5000, 8, 1001, ACK, WHOLE), 10))
    assert link.wakes == 11
    assert link.tick(10.5) == []
    assert told(link.tick(11)) == first
    assert link.wakes == 13
    now = 11.0
    for _ in range(MOST_TRIES - 1):
        now = link.wakes
        assert told(link.tick(now)) == first
    assert link.tick(link.wakes) == []
    assert link.wakes is None


def test_an_opening_that_comes_again_is_answered_again():
    link = Link(Served(), lambda: 1000)
    first = told(link.receive(frame(5000, 7, 0, SYN), 0))
    assert told(link.receive(frame(5000, 7, 0, SYN), 1)) == first


def test_a_port_may_be_used_again():
    link = opened(Served())
    assert told(link.receive(frame(5000, 99, 0, SYN), 1)) == [(SYN | ACK, 1000, 100, b"", 64)]


def test_packets_of_an_answer_live_as_long_as_it_says():
    link = opened(Served(hops=1))
    assert told(link.receive(frame(5000, 8, 1001, ACK, WHOLE), 0))[0][4] == 1


def test_two_connections_do_not_meet():
    link = opened(Served())
    link.receive(frame(5001, 70, 0, SYN), 0)
    link.receive(frame(5001, 71, 1001, ACK), 0)
    link.receive(frame(5000, 8, 1001, ACK, WHOLE[:4]), 0)
    assert told(link.receive(frame(5001, 71, 1001, ACK, WHOLE), 0))[0][3] == b"answer"
    assert told(link.receive(frame(5000, 12, 1001, ACK, WHOLE[4:]), 0))[0][3] == b"answer"


def test_only_so_many_connections_are_kept():
    link = Link(Served(), lambda: 1000)
    for port in range(1, 200):
        link.receive(frame(port, 7, 0, SYN), port)
    assert told(link.receive(frame(1, 8, 1001, ACK), 300))[0][0] == RST
    assert link.receive(frame(199, 8, 1001, ACK), 300) == []


def test_other_ports_and_strange_segments_are_refused():
    link = Link(Served())
    assert told(link.receive(frame(5000, 7, 0, SYN, target=22), 0)) == [(RST | ACK, 0, 8, b"", 64)]
    assert told(link.receive(frame(5000, 7, 55, ACK), 0)) == [(RST, 55, 0, b"", 64)]
    assert link.receive(frame(5000, 7, 55, RST), 0) == []


@pytest.mark.parametrize(
    "noise",
    [
        b"", b"\0" * 60, frame(5000, 7, 0, SYN)[:40], frame(5000, 7, 0, SYN, to=HOME),
        OUR_MAC + MAC + b"\x86\xdd" + b"\0" * 60,
        frame(5000, 7, 0, SYN)[:46] + b"\xf0" + frame(5000, 7, 0, SYN)[47:],
    ],
)  # fmt: skip
def test_everything_else_is_left_alone(noise):
    assert Link(Served()).receive(noise, 0) == []


def test_padding_of_a_short_frame_is_no_payload():
    assert read_segment(frame(5000, 7, 9, ACK) + b"\0" * 6).payload == b""


def test_a_silent_guest_is_forgotten():
    link = opened(Served())
    assert link.tick(59) == []
    assert link.wakes == 60
    assert link.tick(60) == []
    assert link.wakes is None
