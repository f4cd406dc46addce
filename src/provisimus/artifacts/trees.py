"""Archives unpacked into the cache: once for each checksum, whole or not at all.

A tree is a list of entries beside its files, which are named by their SHA-256; paths of an archive
are never paths on disk.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

from provisimus.artifacts.archives import CorruptArtifact
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import pieces
from provisimus.artifacts.unpack import FAULTS, Entry, read_tar, read_zip, sha256_and_size
from provisimus.files import writing
from provisimus.model import Artifact

RECIPE = 1
"""Raise it when the same archive would give other entries."""


@dataclass(frozen=True)
class UnpackedTree:
    """`entries` by path, all of the archive; `read` gives the bytes of a file among them."""

    folder: Path
    entries: tuple[Entry, ...]

    def read(self, entry: Entry) -> Iterator[bytes]:
        return pieces(self.folder / "files" / entry.digest)


def unpacked(
    cache: Cache,
    artifact: Artifact,
    stream: Callable[[], Iterator[bytes]],
    file: Callable[[], AbstractContextManager[Path]],
) -> UnpackedTree:
    """The tree of an archive; `stream` and `file` give its verified bytes as may be needed.

    Raises CorruptArtifact, UnsafeArchive, ChecksumMismatch.
    """
    home = cache.folder / "trees"
    place = home / f"{artifact.sha256.hex}-{RECIPE}"
    known = _read(place)
    if known is not None:
        return known
    temporary = home / f".{uuid.uuid4().hex}"
    try:
        with writing(temporary):
            (temporary / "files").mkdir(parents=True)
            entries = _unpack(artifact, stream, file, temporary / "files")
            data = [asdict(each) for each in entries]
            (temporary / "entries.json").write_text(json.dumps(data), encoding="utf-8")
        with suppress(OSError):
            # Another run may have been faster: its tree is the same.
            temporary.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return UnpackedTree(place, entries)


def _unpack(
    artifact: Artifact,
    stream: Callable[[], Iterator[bytes]],
    file: Callable[[], AbstractContextManager[Path]],
    folder: Path,
) -> tuple[Entry, ...]:
    def keep(content: Iterator[bytes]) -> tuple[str, int]:
        temporary = folder / f".{uuid.uuid4().hex}"
        with temporary.open("wb") as target:
            digest, size = sha256_and_size(content, target.write)
        temporary.replace(folder / digest)
        return digest, size

    where = artifact.location
    try:
        coming = stream()
        first = next(coming, b"")
        if first.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            with file() as path:
                return read_zip(path, keep, where)
        return read_tar(chain((first,), coming), keep, where, artifact.size)
    except FAULTS as error:
        raise CorruptArtifact(
            f"the archive cannot be unpacked: {str(error) or type(error).__name__}",
            where=where,
            hint="TAR (also packed with gzip, bzip2 or xz) and ZIP are known; is the file whole?",
        ) from error


def _read(place: Path) -> UnpackedTree | None:
    try:
        data = json.loads((place / "entries.json").read_text(encoding="utf-8"))
        entries = tuple(Entry(**each) for each in data)
    except (OSError, ValueError, TypeError):
        return None
    with suppress(OSError):
        os.utime(place)
    return UnpackedTree(place, entries)
