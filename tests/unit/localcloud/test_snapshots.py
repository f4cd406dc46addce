"""Which volumes of an instance CreateSnapshots takes."""

from __future__ import annotations

import pytest
from moto.ec2.exceptions import EC2ClientError

from provisimus.localcloud.hooks.snapshots import chosen

DEVICES = [("/dev/xvda", "vol-root"), ("/dev/sdg", "vol-2"), ("/dev/sdf", "vol-1")]


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        ({}, ("vol-1", "vol-2", "vol-root")),
        ({"ExcludeBootVolume": "true"}, ("vol-1", "vol-2")),
        ({"ExcludeBootVolume": False, "ExcludeDataVolumeIds": ["vol-1"]}, ("vol-2", "vol-root")),
    ],
)
def test_volumes_are_left_out_by_name(wanted, taken):
    assert chosen(DEVICES, "/dev/xvda", wanted) == taken


@pytest.mark.parametrize("stray", ["vol-3", "vol-root"])
def test_what_is_no_data_volume_is_refused(stray):
    with pytest.raises(EC2ClientError, match=stray):
        chosen(DEVICES, "/dev/xvda", {"ExcludeDataVolumeIds": [stray]})


def test_nothing_left_is_refused():
    with pytest.raises(EC2ClientError, match="No volumes are left"):
        chosen(DEVICES[:1], "/dev/xvda", {"ExcludeBootVolume": True})
