"""What COPY must know of the file system below it: which paths are folders, which are links.

Read from the headers of layers' TARs; no file content is kept.
"""

from __future__ import annotations

import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

_HOPS = 40
"""How many links one path may follow (Linux's own limit)."""


@dataclass(frozen=True)
class Tree:
    """Paths are relative to the root, without a slash at either end; the root itself is ""."""

    folders: frozenset[str] = frozenset()
    links: Mapping[str, str] = field(default_factory=dict)

    def real(self, path: str) -> str:
        """The path with every link on the way followed, never out of the root.

        Raises ValueError for links that lead in a circle.
        """
        rest = [part for part in path.split("/") if part not in ("", ".")]
        done: list[str] = []
        hops = 0
        while rest:
            part = rest.pop(0)
            if part == "..":
                done = done[:-1]
                continue
            here = "/".join([*done, part])
            target = self.links.get(here)
            if target is None:
                done.append(part)
                continue
            hops += 1
            if hops > _HOPS:
                raise ValueError(f"the links at /{path} lead in a circle")
            if target.startswith("/"):
                done = []
            rest = [each for each in target.split("/") if each not in ("", ".")] + rest
        return "/".join(done)

    def is_folder(self, path: str) -> bool:
        real = self.real(path)
        return real == "" or real in self.folders

    def with_layer(self, layer: Iterable[tuple[str, str, str]]) -> Tree:
        """The tree with one more layer on top: (path, "folder" | "link" | "file", link target)."""
        folders, links = set(self.folders), dict(self.links)
        for path, kind, target in layer:
            head, name = posixpath.split(path)
            if name == ".wh..wh..opq":
                _remove(folders, links, head, itself=False)
            elif name.startswith(".wh."):
                _remove(folders, links, posixpath.join(head, name.removeprefix(".wh.")))
            elif kind == "folder":
                links.pop(path, None)
                folders.add(path)
            else:
                if path in folders:
                    _remove(folders, links, path)
                links.pop(path, None)
                if kind == "link":
                    links[path] = target
        return Tree(frozenset(folders), links)

    def as_json(self) -> dict[str, object]:
        return {"folders": sorted(self.folders), "links": dict(sorted(self.links.items()))}

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Tree:
        folders, links = data["folders"], data["links"]
        assert isinstance(folders, list)
        assert isinstance(links, dict)
        return cls(frozenset(folders), links)


def open_layer(pieces: Iterable[bytes]) -> tarfile.TarFile:
    """A layer (TAR, packed or not) to be read once, in order. Raises tarfile.TarError."""
    return tarfile.open(fileobj=_Reader(iter(pieces)), mode="r|*")  # type: ignore[call-overload,no-any-return]


def layer_paths(pieces: Iterable[bytes]) -> Iterator[tuple[str, str, str]]:
    """The members of a layer that a tree knows. Raises tarfile.TarError."""
    with open_layer(pieces) as archive:
        for member in archive:
            path = posixpath.normpath("/" + member.name).strip("/")
            if member.isdir():
                yield path, "folder", ""
            elif member.issym():
                yield path, "link", member.linkname
            elif posixpath.basename(path).startswith(".wh."):
                yield path, "file", ""


def _remove(folders: set[str], links: dict[str, str], path: str, *, itself: bool = True) -> None:
    below = path + "/"
    folders.difference_update([each for each in folders if each.startswith(below)])
    for each in [each for each in links if each.startswith(below)]:
        del links[each]
    if itself:
        folders.discard(path)
        links.pop(path, None)


class _Reader:
    """The pieces as the file that tarfile wants to read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")

    def read(self, size: int) -> bytes:
        parts = []
        while size:
            if not self._rest:
                piece = next(self._pieces, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
                continue
            part = self._rest[:size]
            self._rest = self._rest[size:]
            parts.append(part)
            size -= len(part)
        return b"".join(parts)
