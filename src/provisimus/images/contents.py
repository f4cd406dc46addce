"""What is in an image of the registry, file by file: for COPY --from, and for names of accounts.

The list is read from the layers once and remembered; contents are fetched only for what is taken,
in one pass over each layer.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.caching import read_json, write_json
from provisimus.errors import NotFound
from provisimus.images.context import ContextEntry
from provisimus.images.layers import LayerEntry
from provisimus.images.tree import open_layer
from provisimus.model import Digest, fingerprint

if TYPE_CHECKING:
    from provisimus.images.documents import Base

VERSION = 1
"""Of what is remembered."""

_SMALL = 1 << 20
"""Bytes; account files are smaller by far."""

Pieces = Callable[[Digest], Iterator[bytes]]


class Contents:
    """The files of one image. `pieces` streams a layer's blob; `spool` is for what is fetched."""

    def __init__(self, base: Base, pieces: Pieces, cache: Path, spool: Path) -> None:
        self._base = base
        self._pieces = pieces
        self._cache = cache
        self._spool = spool

    @cached_property
    def entries(self) -> tuple[ContextEntry, ...]:
        """By path. A file's `digest` names its layer and its name there; `pieces` reads it when
        `fetch` has brought it.
        """
        key = fingerprint(
            {"contents": VERSION, "layers": [str(each.diff_id) for each in self._base.layers]}
        )
        place = self._cache / "contents" / f"{key.hex}.json"
        known = read_json(place)
        if known is None:
            known = {"entries": [_row(each) for each in self._read()]}
            write_json(place, known)
        return tuple(self._having_pieces(ContextEntry(*row)) for row in known["entries"])

    def read(self, path: str) -> bytes | None:
        """A small file whole; None when it is not there."""
        found = next((each for each in self.entries if each.path == path), None)
        if found is None or found.kind != "file" or found.size > _SMALL:
            return None
        self.fetch([found.digest])
        return b"".join(found.pieces() if found.pieces else ())

    def fetch(self, wanted: Iterable[str]) -> None:
        """Bring the contents of these files (their `digest`s), those of other images left out."""
        by_layer: defaultdict[str, set[str]] = defaultdict(set)
        for digest in set(wanted):
            diff_id, separator, name = digest.partition("//")
            if separator and not self._place(digest).exists():
                by_layer[diff_id].add(name)
        for layer in self._base.layers:
            names = by_layer.get(str(layer.diff_id))
            if names:
                self._fetch(layer.digest, str(layer.diff_id), names)

    def _fetch(self, blob: Digest, diff_id: str, names: set[str]) -> None:
        self._spool.mkdir(parents=True, exist_ok=True)
        with open_layer(self._pieces(blob)) as archive:
            for member in archive:
                if member.name not in names:
                    continue
                content = archive.extractfile(member)
                if content is None:
                    continue
                with self._place(f"{diff_id}//{member.name}").open("wb") as file:
                    while piece := content.read(1 << 20):
                        file.write(piece)

    def _place(self, digest: str) -> Path:
        return self._spool / fingerprint({"file": digest}).hex

    def _having_pieces(self, entry: ContextEntry) -> ContextEntry:
        if entry.kind != "file":
            return entry
        place = self._place(entry.digest)

        def pieces() -> Iterator[bytes]:
            if not place.exists():
                raise NotFound(f"the registry's layer no longer holds {entry.path}")
            with place.open("rb", buffering=0) as file:
                while piece := file.read(1 << 20):
                    yield piece

        return replace(entry, pieces=pieces)

    def _read(self) -> Sequence[ContextEntry]:
        found: dict[str, ContextEntry] = {}
        for layer in self._base.layers:
            own: dict[str, ContextEntry] = {}
            with open_layer(self._pieces(layer.digest)) as archive:
                for member in archive:
                    _add(found, own, member, str(layer.diff_id))
            found.update(own)
        return [found[path] for path in sorted(found)]


def entries_fetched(entries: Iterable[LayerEntry]) -> list[str]:
    return [each.digest for each in entries if "//" in each.digest]


def _add(
    below: dict[str, ContextEntry],
    own: dict[str, ContextEntry],
    member: tarfile.TarInfo,
    diff_id: str,
) -> None:
    path = posixpath.normpath("/" + member.name).strip("/")
    head, name = posixpath.split(path)
    if not path:
        return
    if name == ".wh..wh..opq":
        _remove(below, head, itself=False)
        return
    if name.startswith(".wh."):
        _remove(below, posixpath.join(head, name.removeprefix(".wh.")))
        return
    mode, owner = member.mode & 0o7777, (member.uid, member.gid)
    extended = any(key.startswith("SCHILY.xattr.") for key in member.pax_headers)
    if not member.isdir():
        _remove(below, path)
        _remove(own, path)
    if member.isdir():
        own[path] = ContextEntry(path, "folder", mode, "", 0, "", *owner)
    elif member.issym():
        own[path] = ContextEntry(path, "link", 0o777, "", 0, member.linkname, *owner)
    elif member.islnk():
        target = posixpath.normpath("/" + member.linkname).strip("/")
        first = own.get(target) or below.get(target)
        if first is not None:
            own[path] = replace(first, path=path)
    elif member.isreg() and not extended:
        digest = f"{diff_id}//{member.name}"
        own[path] = ContextEntry(path, "file", mode, digest, member.size, "", *owner)
    else:
        # A device, or a file with capabilities: only a builder copies those whole.
        own[path] = ContextEntry(path, "other", mode, "", 0, "", *owner)


def _remove(entries: dict[str, ContextEntry], path: str, *, itself: bool = True) -> None:
    for each in [one for one in entries if one.startswith(path + "/")]:
        del entries[each]
    if itself:
        entries.pop(path, None)


def _row(entry: ContextEntry) -> list[Any]:
    return [
        *(entry.path, entry.kind, entry.mode, entry.digest, entry.size),
        *(entry.target, entry.uid, entry.gid),
    ]
