"""Volumes and snapshots as layers of qcow2 files; what may be removed, and when.

A snapshot costs no copy: the volume's file becomes the snapshot and the volume goes on as an
overlay of it. A layer under another is never removed, only forgotten, and goes with the last one
above it. No process and no API is known here: whoever holds a volume open is told by the caller.
"""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError
from provisimus.localcloud.layout import Layout

GIB = 1024**3
WRITING = ".writing"
"""Beside a snapshot's disk while it is written block by block (``hooks/direct.py``)."""
_QCOW2_MAGIC = b"QFI\xfb"


def backing_name(header: bytes) -> str | None:
    """The name of the layer beneath, from a qcow2 file's first bytes (docs/interop/qcow2.txt)."""
    magic, _version, offset, length = struct.unpack(">4sIQI", header[:20])
    if magic != _QCOW2_MAGIC:
        raise LocalCloudError("a disk is not a qcow2 file", "its directory was changed by others")
    return header[offset : offset + length].decode() if offset else None


def virtual_size(header: bytes) -> int:
    """The size in bytes that a guest sees, from a qcow2 file's first bytes."""
    return int(struct.unpack(">Q", header[24:32])[0])


def removable(wanted: Iterable[str], beneath: Mapping[str, str | None]) -> tuple[str, ...]:
    """The layers that neither are wanted nor lie beneath one that is.

    ``beneath`` maps each file name to the name of the layer under it, or None.
    """
    needed: set[str] = set()
    for name in wanted:
        layer: str | None = name
        while layer is not None and layer not in needed:
            needed.add(layer)
            layer = beneath.get(layer)
    return tuple(sorted(set(beneath) - needed))


class Disks:
    """The files of one local cloud. Sizes are in GiB, as EC2 has them."""

    def __init__(self, layout: Layout, owner: tuple[int, int] | None) -> None:
        """``owner`` is the user and group that QEMU runs as, or None where it runs as ourselves."""
        self._layout = layout
        self._owner = owner

    def create_blank(self, volume: str, size: int) -> None:
        self._make(self._layout.disk(volume), size * GIB, None)

    def create_from_snapshot(self, volume: str, snapshot: str, size: int) -> None:
        """A volume that carries the snapshot's data. Raises LocalCloudError when that is gone."""
        base = self._layout.disk(snapshot)
        if not base.exists():
            raise LocalCloudError(f"the data of {snapshot} is not here")
        self._make(self._layout.disk(volume), size * GIB, base)

    def adopt_base(self, snapshot: str, base: Path) -> int:
        """Make a base disk a snapshot's data; returns its size in GiB."""
        target = self._layout.disk(snapshot)
        target.unlink(missing_ok=True)
        os.link(base, target)
        self.hand_over(target)
        return self.size(snapshot)

    def copy_snapshot(self, source: str, target: str) -> None:
        """Snapshots never change, so a copy is a second name for one file."""
        os.link(self._layout.disk(source), self._layout.disk(target))

    def snapshot_idle(self, volume: str, snapshot: str) -> None:
        """Take a snapshot of a volume that no machine has open."""
        self.begin_snapshot(volume, snapshot)

    def begin_snapshot(self, volume: str, snapshot: str) -> Path:
        """Give the volume's file to the snapshot and put an empty overlay in its place.

        A machine that has the volume open still writes to the old file, and must then be told to go
        on in the new one, whose path is returned. Killed between any two steps, nothing is lost.
        """
        current, kept = self._layout.disk(volume), self._layout.disk(snapshot)
        os.link(current, kept)
        overlay = current.with_suffix(".next")
        self._make(overlay, virtual_size(_header(kept)), kept)
        overlay.replace(current)
        return current

    def fit(self, volume: str, size: int) -> None:
        """Grow a volume that no machine has open to its size, where it is smaller."""
        if self.exists(volume) and self.size(volume) < size:
            _qemu_img("resize", "-q", str(self._layout.disk(volume)), str(size * GIB))

    def exists(self, identifier: str) -> bool:
        return self._layout.disk(identifier).exists()

    def size(self, identifier: str) -> int:
        """Virtual size in whole GiB, rounded up."""
        return -(-virtual_size(_header(self._layout.disk(identifier))) // GIB)

    def sweep(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Remove every layer that none of the wanted volumes and snapshots needs; returns them."""
        files = {path.stem: path for path in self._layout.disks.glob("*.qcow2")}
        beneath: dict[str, str | None] = {}
        for identifier, path in files.items():
            name = backing_name(_header(path))
            beneath[identifier] = Path(name).stem if name else None
        gone = removable((name for name in wanted if name in files), beneath)
        for identifier in gone:
            files[identifier].unlink(missing_ok=True)
            files[identifier].with_suffix(WRITING).unlink(missing_ok=True)
        for leftover in self._layout.disks.glob("*.next"):
            leftover.unlink(missing_ok=True)
        return gone

    def _make(self, path: Path, size: int, base: Path | None) -> None:
        path.unlink(missing_ok=True)
        free = shutil.disk_usage(self._layout.root).free
        if free < 256 * 1024**2:
            raise LocalCloudError(
                f"only {free // 1024**2} MiB are free under {self._layout.root}", "make room there"
            )
        # Unchecked (-u): the base may be open for writing by a running machine for a moment more.
        backing = ("-u", "-b", base.name, "-F", "qcow2") if base else ()
        _qemu_img("create", "-q", "-f", "qcow2", *backing, str(path), str(size))
        self.hand_over(path)

    def hand_over(self, path: Path) -> None:
        """Make a disk that of the user that QEMU runs as."""
        if self._owner is not None:
            os.chown(path, *self._owner)


def _header(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4096)


def _qemu_img(*arguments: str) -> None:
    done = subprocess.run(
        ("qemu-img", *arguments),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LocalCloudError(f"qemu-img {arguments[0]} failed: {done.stderr.strip()}")
