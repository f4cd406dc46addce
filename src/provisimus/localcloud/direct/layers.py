"""What a disk of several layers holds, block by block, without copying it.

`qemu-img map` tells which bytes of which layer a piece of the disk is; pieces that are the same
bytes of the same file need not be read to be known as equal.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisimus.localcloud.direct.block_file import BLOCK
from provisimus.localcloud.disks import backing_name
from provisimus.localcloud.faults import LocalCloudError


@dataclass(frozen=True)
class Piece:
    """A run of bytes of the disk: ``offset`` in ``file``, or zeros where that is None."""

    start: int
    length: int
    file: Path | None
    offset: int = 0


Block = tuple[Piece, ...]
"""The pieces of one block, each with ``start`` counted within it."""


def read_blocks(disk: Path) -> dict[int, Block]:
    """The blocks of a disk that nothing writes to, where anything was written. In order.

    Raises LocalCloudError when a layer is missing or cannot be read piece by piece.
    """
    return blocks_of(_pieces(disk))


def blocks_of(pieces: Iterator[Piece]) -> dict[int, Block]:
    """Pieces, in order, cut into blocks. Pure."""
    found: dict[int, list[Piece]] = {}
    for piece in pieces:
        position, end = piece.start, piece.start + piece.length
        while position < end:
            index, within = divmod(position, BLOCK)
            length = min(BLOCK - within, end - position)
            offset = piece.offset + position - piece.start if piece.file else 0
            found.setdefault(index, []).append(Piece(within, length, piece.file, offset))
            position += length
    return {index: tuple(several) for index, several in found.items()}


def content(block: Block) -> bytes:
    """The bytes of a block. Raises OSError."""
    whole = bytearray(BLOCK)
    for piece in block:
        if piece.file is not None:
            with piece.file.open("rb") as file:
                read = os.pread(file.fileno(), piece.length, piece.offset)
            # A file may end within its last cluster: what is not there is zero.
            whole[piece.start : piece.start + len(read)] = read
    return bytes(whole)


def changed(before: Mapping[int, Block], after: Mapping[int, Block]) -> Iterator[int]:
    """The numbers of the blocks whose bytes differ, in order. Raises OSError."""
    for index in sorted(before.keys() | after.keys()):
        old, new = before.get(index, ()), after.get(index, ())
        if old != new and content(old) != content(new):
            yield index


def lineage(disk: Path) -> list[Path]:
    """The disk and every layer beneath it. Raises LocalCloudError when one is missing."""
    found: list[Path] = []
    name: str | None = disk.name
    while name is not None:
        path = disk.with_name(name)
        try:
            with path.open("rb") as file:
                header = file.read(4096)
        except FileNotFoundError:
            raise LocalCloudError(f"the layer {name} of {disk.stem} is not here") from None
        found.append(path)
        name = backing_name(header)
    return found


def _pieces(disk: Path) -> Iterator[Piece]:
    layers = lineage(disk)
    done = subprocess.run(
        ("qemu-img", "map", "--output=json", "--force-share", "-f", "qcow2", str(disk)),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise LocalCloudError(f"the blocks of {disk.stem} cannot be told: {done.stderr.strip()}")
    for extent in json.loads(done.stdout):
        if extent["present"]:
            yield _piece(extent, layers)


def _piece(extent: Mapping[str, Any], layers: list[Path]) -> Piece:
    if not extent["data"]:
        return Piece(extent["start"], extent["length"], None)
    if "offset" not in extent:
        raise LocalCloudError("a layer is compressed: its blocks cannot be told apart")
    layer = layers[extent["depth"]]
    return Piece(extent["start"], extent["length"], layer, extent["offset"])
