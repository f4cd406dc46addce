"""Whose connection it is, told by the kernel's own table."""

from __future__ import annotations

import os
import socket

from provisimus.localcloud.callers import from_guest, socket_inode

TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:12C0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1 0
   1: 0100007F:12C0 0100007F:C350 01 00000000:00000000 00:00000000 00000000     0        0 101 1 0
   2: 0100007F:C350 0100007F:12C0 01 00000000:00000000 00:00000000 00000000     0        0 102 1 0
"""
TABLE_6 = """\
  sl  local_address                         remote_address                        st …
   0: 0000000000000000FFFF00000100007F:C350 0000000000000000FFFF00000100007F:12C0 01 0:0 0:0 0 0 0 7
"""


def test_the_other_end_of_a_connection_is_found():
    assert socket_inode(TABLE, 50000, 4800) == "102"
    assert socket_inode(TABLE, 50001, 4800) is None
    assert socket_inode(TABLE_6, 50000, 4800) == "7"


def test_a_connection_belongs_to_the_process_that_holds_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", ours)) as client:
            theirs = client.getsockname()[1]
            assert from_guest(theirs, ours, [os.getpid()])
            assert not from_guest(theirs, ours, [os.getppid()])
            assert not from_guest(theirs, ours, [])


def test_who_cannot_be_found_is_taken_for_a_guest():
    assert from_guest(1, 2, [os.getpid()])
