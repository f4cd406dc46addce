"""Run in a network namespace of its own: this computer's kernel and botocore play the guest.

    unshare --net python guest.py DESCRIPTOR clients|container

A TAP device is joined to the wire whose end is the descriptor. What real clients then read at
169.254.169.254, or what one behind another hop does, as in a container, is printed as JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

TUNSETIFF, IFF_TAP, IFF_NO_PI = 0x400454CA, 2, 0x1000
BASE = "http://169.254.169.254/latest"


def open_tap() -> int:
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, TUNSETIFF, struct.pack("16sH", b"tap0", IFF_TAP | IFF_NO_PI))
    for command in (
        "ip link set tap0 address 02:a9:fe:a9:fe:01 up",
        "ip addr add 169.254.169.1 peer 169.254.169.254 dev tap0",
    ):
        subprocess.run(command.split(), check=True)
    return tap


def to_wire(tap: int, wire: int) -> None:
    while True:
        frame = os.read(tap, 65536)
        os.write(wire, struct.pack(">I", len(frame)) + frame)


def to_tap(tap: int, wire: int) -> None:
    with os.fdopen(wire, "rb") as stream:
        while head := stream.read(4):
            os.write(tap, stream.read(struct.unpack(">I", head)[0]))


def in_container() -> dict[str, object]:
    """Exit codes of curl, one hop away: without a token, and asking for one."""
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    with subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE) as container:
        inside = ["nsenter", f"--net=/proc/{container.pid}/ns/net"]
        ours, theirs = (Path(f"/proc/{who}/ns/net") for who in ("self", container.pid))
        deadline = time.monotonic() + 10
        while theirs.readlink() == ours.readlink():
            assert time.monotonic() < deadline, "the container has no network of its own"
            time.sleep(0.01)
        for command in (
            ["ip", "link", "add", "bridge", "type", "veth", "peer", "name", "inside"],
            ["ip", "link", "set", "inside", "netns", str(container.pid)],
            ["ip", "addr", "add", "10.9.0.1/24", "dev", "bridge"],
            ["ip", "link", "set", "bridge", "up"],
            [*inside, "ip", "addr", "add", "10.9.0.2/24", "dev", "inside"],
            [*inside, "ip", "link", "set", "inside", "up"],
            [*inside, "ip", "route", "add", "default", "via", "10.9.0.1"],
        ):
            subprocess.run(command, check=True)
        curl = [*inside, "curl", "-fsS", "-o", "/dev/null", "--max-time", "3"]
        ttl = ["-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60"]
        told: dict[str, object] = {
            "get": subprocess.run([*curl, f"{BASE}/meta-data/"], check=False).returncode,
            "put": subprocess.run([*curl, *ttl, f"{BASE}/api/token"], check=False).returncode,
        }
        container.communicate()
    return told


def as_clients() -> dict[str, object]:
    import httpx
    from botocore.utils import InstanceMetadataFetcher

    keys = InstanceMetadataFetcher(timeout=5, num_attempts=1).retrieve_iam_role_credentials()
    with httpx.Client(timeout=5) as client:
        ttl = {"X-aws-ec2-metadata-token-ttl-seconds": "60"}
        token = client.put(f"{BASE}/api/token", headers=ttl)
        header = {"X-aws-ec2-metadata-token": token.text}
        user_data = client.get(f"{BASE}/user-data", headers=header)
        told = {
            "keys": {name: keys.get(name) for name in ("role_name", "access_key", "token")},
            "without": client.get(f"{BASE}/meta-data/instance-id").status_code,
            "instance": client.get(f"{BASE}/meta-data/instance-id", headers=header).text,
            "user_data": len(user_data.content),
            "same": user_data.content == bytes(range(256)) * 64,
            "absent": client.get(f"{BASE}/nonsense", headers=header).status_code,
        }
    curl = ["curl", "-fsS", "--max-time", "5", "-H", f"X-aws-ec2-metadata-token: {token.text}"]
    done = subprocess.run(
        [*curl, *[f"{BASE}/meta-data/ami-id"] * 20], capture_output=True, text=True, check=True
    )
    return {**told, "curl": done.stdout}


def main() -> None:
    tap, wire = open_tap(), int(sys.argv[1])
    for work in (to_wire, to_tap):
        threading.Thread(target=work, args=(tap, wire), daemon=True).start()
    sys.stdout.write(json.dumps({"clients": as_clients, "container": in_container}[sys.argv[2]]()))


main()
