"""The script that mounts data volumes: its disks are files, its programs keep a record."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from provisimus.machines.recipe import SCRIPTS

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "record"


@pytest.fixture
def run(tmp_path: Path, record: Path) -> Run:
    """Mounts with one volume attached; `blkid` says what is on it, with its exit status."""
    (tmp_path / "by-id").mkdir()
    (tmp_path / "disk").touch()
    link = "nvme-Amazon_Elastic_Block_Store_vol0a"
    for name in (link, f"{link}-part1", f"{link}_1"):
        (tmp_path / "by-id" / name).symlink_to(tmp_path / "disk")
    (tmp_path / "mounts").write_text(f"{tmp_path}/data\n")
    (tmp_path / "volumes").write_text(f"# made by cloud-init\nvol-0a {tmp_path}/data\n")
    text = (SCRIPTS / "machine" / "volumes").read_text()
    for there, here in (
        ("/etc/provisimus/mounts", tmp_path / "mounts"),
        ("/etc/provisimus/volumes", tmp_path / "volumes"),
        ("/dev/disk/by-id", tmp_path / "by-id"),
        ('[ -b "$link" ]', '[ -e "$link" ]'),
    ):
        assert there in text
        text = text.replace(there, str(here))
    (tmp_path / "script").write_text(text)
    (tmp_path / "bin").mkdir()
    for name in ("mkfs.ext4", "mount", "umount", "resize2fs", "xfs_growfs"):
        program(tmp_path, name, f'echo "{name} $*" >>{record}')
    program(tmp_path, "mountpoint", f"[ -e {tmp_path}/mounted ]")

    def once(says: str, status: int = 0, *, how: str = "mount") -> tuple[int, str]:
        program(tmp_path, "blkid", f"printf '{says}'; exit {status}")
        done = subprocess.run(
            ["sh", str(tmp_path / "script"), how],
            env={**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    return once


def program(folder: Path, name: str, body: str) -> None:
    path = folder / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def called(record: Path) -> list[str]:
    lines = record.read_text().splitlines() if record.exists() else []
    return [line.split()[0] for line in lines]


def test_an_empty_volume_is_formatted_once(run: Run, record: Path, tmp_path: Path) -> None:
    status, said = run("", 2)
    assert status == 0
    assert "is empty: making a file system" in said
    assert called(record) == ["mkfs.ext4", "mount", "resize2fs"]
    record.unlink()
    (tmp_path / "mounted").touch()
    assert run("", 2) == (0, "")
    assert called(record) == []


@pytest.mark.parametrize(("kind", "grows"), [("ext4", "resize2fs"), ("xfs", "xfs_growfs")])
def test_a_volume_with_data_is_mounted_and_grown(
    run: Run, record: Path, kind: str, grows: str
) -> None:
    status, said = run(f"DEVNAME=x\\nTYPE={kind}\\n")
    assert status == 0
    assert f"({kind}, " in said
    assert called(record) == ["mount", grows]
    assert f"mount -t {kind} -o noatime" in record.read_text()


@pytest.mark.parametrize(
    ("says", "status", "why"),
    [
        ("PTTYPE=gpt\\n", 0, "holds partitions and no file system: not touched"),
        ("", 8, "cannot be told (blkid status 8): not touched"),
        ("", 4, "cannot be told (blkid status 4): not touched"),
    ],
    ids=["partitions", "ambivalent", "broken"],
)
def test_what_cannot_be_known_is_not_touched(
    run: Run, record: Path, says: str, status: int, why: str
) -> None:
    code, said = run(says, status)
    assert code == 1
    assert why in said
    assert called(record) == []


def test_a_volume_that_is_not_attached_yet_is_waited_for(
    run: Run, record: Path, tmp_path: Path
) -> None:
    link = tmp_path / "by-id/nvme-Amazon_Elastic_Block_Store_vol0a"
    (tmp_path / "by-id/nvme-Amazon_Elastic_Block_Store_vol0a_1").unlink()
    link.unlink()
    # It comes while the script pauses for the second time.
    program(
        tmp_path,
        "sleep",
        f"echo . >>{tmp_path}/paused; [ $(wc -l <{tmp_path}/paused) -lt 2 ] ||"
        f" ln -sf {tmp_path}/disk {link}",
    )
    status, said = run("TYPE=ext4\\n")
    assert status == 0
    assert said.startswith("waiting for volume vol-0a to be attached")
    assert called(record) == ["mount", "resize2fs"]


def test_what_is_mounted_is_unmounted(run: Run, record: Path, tmp_path: Path) -> None:
    assert run("", how="unmount") == (0, "")
    assert called(record) == []
    (tmp_path / "mounted").touch()
    assert run("", how="unmount") == (0, "")
    assert called(record) == ["umount"]
