"""Layers as bytes: a deterministic TAR, compressed and hashed while it goes out, in one pass.

Compressed bytes may differ between machines (other processors, other libraries); the TAR's own
digest, the diffID, never does.
"""

from __future__ import annotations

import hashlib
import queue
import tarfile
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from provisimus.errors import ProvisimusError
from provisimus.images.deflate import deflate
from provisimus.model import Digest

EPOCH = 1577836800
"""The time of every file in a layer, 2020-01-01: ZIP tools dislike times before 1980."""

_AHEAD = 8
"""How many pieces one stage may be ahead of the next: memory stays flat."""

_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
"""RFC 1952: deflate, no name, no time, unknown system."""

_KINDS = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE}


@dataclass(frozen=True)
class LayerEntry:
    """One member of a layer; `path` without slashes at either end, `size` in bytes."""

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""
    digest: str = ""
    pieces: Callable[[], Iterator[bytes]] | None = field(default=None, compare=False, repr=False)

    @property
    def identity(self) -> list[object]:
        what = self.digest or self.target
        return [self.path, self.kind, f"{self.mode:o}", self.uid, self.gid, what]


def tar_pieces(entries: Iterable[LayerEntry]) -> Iterator[bytes]:
    """A TAR of these entries, in their order. Raises ProvisimusError when a file changed size."""
    for entry in entries:
        info = tarfile.TarInfo(entry.path + ("/" if entry.kind == "folder" else ""))
        info.type = _KINDS[entry.kind]
        info.mode, info.uid, info.gid, info.mtime = entry.mode, entry.uid, entry.gid, EPOCH
        info.size = entry.size if entry.kind == "file" else 0
        info.linkname = entry.target
        yield info.tobuf(tarfile.PAX_FORMAT)
        if entry.kind == "file":
            written = 0
            for piece in entry.pieces() if entry.pieces else ():
                written += len(piece)
                yield piece
            if written != entry.size:
                raise ProvisimusError(
                    f"{entry.path} changed while it was read", hint="run the command again"
                )
            yield b"\0" * (-written % 512)
    yield b"\0" * 1024


def diff_id_of(entries: Iterable[LayerEntry]) -> Digest:
    """The digest of a layer's TAR, without making anything of it."""
    seen = hashlib.sha256()
    for piece in tar_pieces(entries):
        seen.update(piece)
    return Digest(seen.hexdigest())


class CompressedLayer:
    """A TAR on its way out as gzip. Iterate once; then `diff_id` and `tar_size` (bytes) are known.

    Reading and compressing, hashing the TAR, and the consumer's sending run at the same time.
    `level` 1 is quick; 6 and more is small, and zlib's on every machine. `stop` is set when nobody
    wants the rest: a source that waits long for its next piece listens to it.
    """

    def __init__(
        self, tar: Iterable[bytes], level: int = 1, stop: threading.Event | None = None
    ) -> None:
        self._tar = tar
        self._level = level
        self._stop = stop or threading.Event()
        self._hash = hashlib.sha256()
        self.tar_size = 0

    @property
    def diff_id(self) -> Digest:
        return Digest(self._hash.hexdigest())

    def __iter__(self) -> Iterator[bytes]:
        plain: queue.Queue[bytes | None] = queue.Queue(_AHEAD)
        packed: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
        hashing = threading.Thread(target=self._hash_all, args=(plain,), daemon=True)
        making = threading.Thread(target=self._make, args=(plain, packed), daemon=True)
        hashing.start()
        making.start()
        try:
            while (piece := packed.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            # Whoever stops early (a broken connection) must not leave threads that wait for ever.
            self._stop.set()
            while making.is_alive():
                _empty(packed)
                making.join(0.01)
            hashing.join()

    def _hash_all(self, plain: queue.Queue[bytes | None]) -> None:
        while (piece := plain.get()) is not None:
            self._hash.update(piece)

    def _make(
        self, plain: queue.Queue[bytes | None], packed: queue.Queue[bytes | BaseException | None]
    ) -> None:
        packing = deflate(self._level)
        checksum = 0
        end: BaseException | None = None
        try:
            packed.put(_GZIP_HEADER)
            for piece in self._tar:
                if self._stop.is_set():
                    break
                plain.put(piece)
                checksum = packing.crc32(piece, checksum)
                self.tar_size += len(piece)
                if out := packing.compress(piece):
                    packed.put(out)
            trailer = checksum.to_bytes(4, "little") + (self.tar_size % 2**32).to_bytes(4, "little")
            packed.put(packing.flush() + trailer)
        except BaseException as error:  # noqa: BLE001 - raised again by the consumer
            end = error
        finally:
            close = getattr(self._tar, "close", None)
            if close is not None:
                close()
            plain.put(None)
            packed.put(end)


def _empty(packed: queue.Queue[Any]) -> None:
    try:
        while True:
            packed.get_nowait()
    except queue.Empty:
        return
