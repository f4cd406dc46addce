"""The thread at the socket, with the frames of a guest played by hand."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from provisimus.localcloud.metadata.tcp import Answer
from provisimus.localcloud.metadata.wire import Wire

from .test_tcp import ACK, SYN, WHOLE, frame, told


@pytest.fixture
def ends():
    ours, theirs = socket.socketpair()
    theirs.settimeout(10)
    yield ours, theirs
    theirs.close()


def packed(*frames):
    return b"".join(struct.pack(">I", len(each)) + each for each in frames)


def read(theirs):
    with theirs.makefile("rb") as stream:
        return stream.read(struct.unpack(">I", stream.read(4))[0])


def ask(theirs):
    """What comes back to one request, in a connection of its own."""
    theirs.sendall(packed(frame(5000, 7, 0, SYN)))
    ((_, first, _, _, _),) = told([read(theirs)])
    whole = packed(frame(5000, 8, first + 1, ACK), frame(5000, 8, first + 1, ACK, WHOLE))
    for cut in (whole[:3], whole[3:50], whole[50:]):  # a stream knows no frames
        theirs.sendall(cut)
    return told([read(theirs)])[0][3]


def test_frames_come_and_go(ends):
    Wire(ends[0], "i-1", lambda data: Answer(b"answer"))
    assert ask(ends[1]) == b"answer"


def test_a_service_that_breaks_says_so_and_goes_on(ends):
    said = iter([KeyError("i-1")])

    def serve(data):
        for error in said:
            raise error
        return Answer(b"answer")

    Wire(ends[0], "i-1", serve)
    assert ask(ends[1]).startswith(b"HTTP/1.1 500 ")
    assert ask(ends[1]) == b"answer"


def test_it_ends_when_the_machine_does(ends):
    before = set(threading.enumerate())
    Wire(ends[0], "i-1", lambda data: None)
    (thread,) = set(threading.enumerate()) - before
    ends[1].close()
    thread.join(10)
    assert not thread.is_alive()
