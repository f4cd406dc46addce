"""The Debian base's network files, read by the networkd of this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from provisimus.localcloud.bases import debian
from provisimus.localcloud.metadata.frames import GUEST_MAC

NETWORKD = Path("/lib/systemd/systemd-networkd")
SCRIPT = Path(__file__).parent / "networkd.sh"


def can_run_networkd() -> bool:
    if os.geteuid() != 0 or not NETWORKD.exists() or not shutil.which("ip"):
        return False
    with_mounts = ("unshare", "--net", "--mount", "mount", "-t", "sysfs", "sysfs", "/sys")
    return subprocess.run(with_mounts, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_run_networkd(), reason="needs root, unshare and systemd-networkd")
def test_the_metadata_card_is_there_at_once_and_nothing_stands_in_for_it(tmp_path):
    for path, text in debian.files().items():
        if path.endswith(".network"):
            (tmp_path / Path(path).name).write_text(text)
    done = subprocess.run(
        ("unshare", "--net", "--mount", "sh", str(SCRIPT), str(tmp_path), GUEST_MAC),
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0][2:] == ["169.254.169.1", "peer", "169.254.169.254/32"]
    assert lines[1][:3] == ["169.254.169.254", "dev", "eth1"]
    assert not any("default" in line for line in lines)
    assert lines[-2][:3] == ["169.254.169.254", "dev", "eth1"]
    assert lines[-1] == ["RTNETLINK", "answers:", "No", "route", "to", "host"]
