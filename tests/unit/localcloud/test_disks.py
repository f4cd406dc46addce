"""Layers of disks: which may go, and what a file's first bytes say."""

from __future__ import annotations

import struct

import pytest

from provisimus.localcloud.disks import backing_name, removable, virtual_size
from provisimus.localcloud.faults import LocalCloudError


def header(backing: bytes, size: int) -> bytes:
    start = struct.pack(">4sIQIIQ", b"QFI\xfb", 3, 112 if backing else 0, len(backing), 16, size)
    return start.ljust(112, b"\0") + backing + b"\0" * 64


def test_a_header_names_the_layer_beneath():
    assert backing_name(header(b"snap-1.qcow2", 8)) == "snap-1.qcow2"
    assert backing_name(header(b"", 8)) is None


def test_a_header_tells_the_size():
    assert virtual_size(header(b"", 8 * 1024**3)) == 8 * 1024**3


def test_what_is_no_disk_is_refused():
    with pytest.raises(LocalCloudError, match="not a qcow2"):
        backing_name(b"\0" * 64)


def test_what_nobody_wants_may_go():
    assert removable([], {"a": None, "b": "a"}) == ("a", "b")


def test_a_layer_under_a_wanted_one_stays():
    beneath = {"base": None, "snap": "base", "volume": "snap", "other": "base"}
    assert removable(["volume"], beneath) == ("other",)


def test_a_forgotten_layer_goes_with_the_last_above_it():
    beneath = {"base": None, "snap": "base", "volume": "snap"}
    assert removable(["base"], beneath) == ("snap", "volume")


def test_a_layer_whose_base_lies_elsewhere_stays():
    assert removable(["volume"], {"volume": "elsewhere"}) == ()
