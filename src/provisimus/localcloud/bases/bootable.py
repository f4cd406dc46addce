"""A folder becomes a disk with its own boot loader: one GPT partition, ext4, extlinux.

No partition device nodes are used (containers often have none): the file system is written into the
image at its offset, and only the boot loader's own files need it mounted through a loop device.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError

MIB = 1024 * 1024
PARTITION_START = 1 * MIB
"""Where the only partition begins; the usual alignment."""
_GPT_TAIL = 1 * MIB
_BOOT_CODE_SIZE = 440
_MASTER_BOOT_RECORDS = (
    Path("/usr/lib/syslinux/mbr/gptmbr.bin"),
    Path("/usr/lib/EXTLINUX/gptmbr.bin"),
)
ROOT_TYPE = "4f68bce3-e8cd-4db1-96e7-fbcaf984b709"
"""GPT type "root, x86-64": what lets systemd-repart grow it on a larger volume."""
ROOT_PARTITION = "70726f76-6973-496d-b573-6c6f63616c31"
"""The root partition's own id, by which a kernel finds it without an initramfs."""

Run = Callable[..., None]
"""Runs one program to its end and raises LocalCloudError with its last lines when it fails."""


@dataclass(frozen=True)
class BootEntry:
    """What the boot loader starts: paths inside the root file system and the kernel's arguments."""

    kernel: str
    initrd: str | None
    append: str


def extlinux_configuration(entry: BootEntry) -> str:
    """The boot loader's configuration: one entry, no menu, no waiting."""
    initrd = f"  INITRD {entry.initrd}\n" if entry.initrd else ""
    return (
        "DEFAULT local\nPROMPT 0\nTIMEOUT 0\n"
        f"LABEL local\n  LINUX {entry.kernel}\n{initrd}  APPEND {entry.append}\n"
    )


def make_file_system(disk: Path, size: int) -> tuple[str, ...]:
    """Arguments of mke2fs: features that extlinux 6 can read (no 64bit, no metadata_csum)."""
    blocks = (size - PARTITION_START - _GPT_TAIL) // 4096
    return (
        "mke2fs", "-q", "-F", "-t", "ext4", "-b", "4096", "-L", "root", "-m", "1",
        "-O", "^64bit,^metadata_csum,^metadata_csum_seed,^orphan_file",
        "-E", f"offset={PARTITION_START},lazy_itable_init=1,lazy_journal_init=1,nodiscard",
        "-J", "size=32",
        "-d", "root", str(disk), str(blocks),
    )  # fmt: skip


def make_partition(disk: Path) -> tuple[str, ...]:
    """Arguments of sgdisk: one partition, bootable by a BIOS (attribute 2)."""
    return (
        "sgdisk", "--clear", f"--new=1:{PARTITION_START // 512}:0", f"--typecode=1:{ROOT_TYPE}",
        f"--partition-guid=1:{ROOT_PARTITION}", "--attributes=1:set:2", "--change-name=1:root",
        str(disk),
    )  # fmt: skip


def make_disk(run: Run, scratch: Path, entry: BootEntry, size: int, target: Path) -> None:
    """Make ``target`` (qcow2) from ``scratch/root``; needs root for mounting a loop device.

    ``size`` is the virtual size in bytes. Raises LocalCloudError.
    """
    record = next((path for path in _MASTER_BOOT_RECORDS if path.exists()), None)
    if record is None:
        raise LocalCloudError("gptmbr.bin was not found", "install syslinux-common and extlinux")
    boot = scratch / "root" / "boot" / "extlinux"
    boot.mkdir(parents=True, exist_ok=True)
    (boot / "extlinux.conf").write_text(extlinux_configuration(entry))

    raw = scratch / "disk.raw"
    with raw.open("wb") as stream:
        stream.truncate(size)
    run(make_partition(raw))
    run(make_file_system(raw, size), directory=scratch)
    with raw.open("r+b") as stream:
        stream.write(record.read_bytes()[:_BOOT_CODE_SIZE])
    _install_loader(run, scratch, raw)
    # Reading holes costs; SEEK_HOLE lets the conversion skip them.
    run(("qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(target)))
    raw.unlink()


def _install_loader(run: Run, scratch: Path, raw: Path) -> None:
    mountpoint = scratch / "mnt"
    mountpoint.mkdir(exist_ok=True)
    run(("mount", "-o", f"loop,offset={PARTITION_START}", str(raw), str(mountpoint)))
    try:
        run(("extlinux", "--install", str(mountpoint / "boot" / "extlinux")))
    finally:
        os.sync()
        run(("umount", str(mountpoint)))
