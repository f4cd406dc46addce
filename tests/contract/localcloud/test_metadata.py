"""The metadata service over its wire, asked by a real TCP, botocore, httpx and curl."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.localcloud.metadata.test_service import DESCRIBED

from provisimus.localcloud.metadata.description import Options
from provisimus.localcloud.metadata.service import Tokens, exchange
from provisimus.localcloud.metadata.wire import Wire

GUEST = Path(__file__).parent / "guest.py"
KEYS = DESCRIBED.profile.credentials
PROFILE = replace(DESCRIBED.profile, credentials=replace(KEYS, until=KEYS.until.replace(year=2999)))
MACHINE = replace(
    DESCRIBED,
    options=Options(tokens_required=True),
    user_data=bytes(range(256)) * 64,
    profile=PROFILE,
)  # fmt: skip


def can_play_a_guest() -> bool:
    if os.geteuid() != 0 or not Path("/dev/net/tun").exists() or not shutil.which("ip"):
        return False
    done = subprocess.run(("unshare", "--net", "true"), capture_output=True, check=False)
    return done.returncode == 0


@pytest.mark.skipif(not can_play_a_guest(), reason="needs root, unshare and /dev/net/tun")
def test_real_clients_are_served():
    ours, theirs = socket.socketpair()
    tokens = Tokens(b"secret")

    def serve(data):
        return exchange(data, MACHINE, tokens, time.time())

    Wire(ours, "i-1", serve)
    with theirs:
        done = subprocess.run(
            ("unshare", "--net", sys.executable, str(GUEST), str(theirs.fileno())),
            capture_output=True, text=True, check=False, pass_fds=(theirs.fileno(),), timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "keys": {"role_name": "greeter", "access_key": "ASIA1", "token": "session"},
        "without": 401,
        "instance": "i-1",
        "user_data": 16384,
        "same": True,
        "absent": 404,
        "curl": "ami-1" * 20,
    }
