"""Stack type `service`: what does not go together in its file."""

from pathlib import Path

import pytest
from tests.unit.stacks.types.told import told


def volume(mount: str, rest: str = "size: 1 GiB") -> str:
    return f"data_volumes:\n- {{mount: {mount}, {rest}}}"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("instance_type: t3small", "1 instance_type: 't3small' is no instance type"),
        ("key_name: café", "1 key_name: 'café' is no name of a key pair"),
        ("network: {vpc: vpc-1, subnet: s}", "1 network/subnet: 's' is no id of its kind"),
        (volume("/"), "2 data_volumes/0/mount: / is the machine's own"),
        (volume("/var/lib/docker"), "2 data_volumes/0/mount: /var/lib/docker is the machine's own"),
        (volume("/proc/x"), "2 data_volumes/0/mount: /proc/x is the machine's own"),
        (volume("/data/"), "2 data_volumes/0/mount: '/data/' is no plain path"),
        (volume("/my data"), "2 data_volumes/0/mount: '/my data' is no mount point"),
        (volume("data"), "2 data_volumes/0/mount: 'data' is no absolute path"),
        (volume("/data", "size: 65 TiB"), "2 data_volumes/0/size: a gp3 volume has 64 TiB at most"),
        (
            volume("/data", "size: 512 MiB"),
            "2 data_volumes/0/size: '512 MiB' is no whole number of GiB",
        ),
        (
            f"{volume('/data')}\n- {{mount: /data, size: 2 GiB}}",
            "3 data_volumes/1/mount: two data volumes have the same mount",
        ),
        (
            volume("/data", "size: 1 GiB, snapshots: {every: 5h, keep: 3, by: dlm}"),
            (
                "2 data_volumes/0/snapshots/every: "
                "Data Lifecycle Manager takes one every 1h, 2h, 3h, 4h, 6h, 8h, 12h, 24h"
            ),
        ),
        (
            "\n".join([volume("/a"), *(f"- {{mount: /a{n}, size: 1 GiB}}" for n in range(11))]),
            "1 data_volumes: here belong at most 11",
        ),
        (
            "ingress: [{port: 1, from: 10.0.0.0/8}, {port: 1, from: 10.0.0.0/8}]",
            "1 ingress: port 1 from 10.0.0.0/8 stands twice",
        ),
        ("ingress: [{port: 22, from: '::/0'}]", "1 ingress/0: SSH open to the world is refused"),
        ("alarms: {notify: [pager]}", "1 alarms/notify/0: 'pager' is no ARN of sns"),
        ("logs: {keep: 2d}", "1 logs/keep: CloudWatch Logs does not keep for 2 days"),
        (
            "network: main\nfixed_address: true",
            "2 fixed_address: a fixed address is reached in a public subnet only",
        ),
        (
            "dns: {zone: names, name: 'a*.acme.example'}",
            "1 dns/name: 'a*.acme.example' is no name of a zone",
        ),
    ],
)
def test_what_does_not_go_together_is_told_at_its_place(
    tmp_path: Path, text: str, problem: str
) -> None:
    assert told(tmp_path, f"{text}\n") == [problem]
