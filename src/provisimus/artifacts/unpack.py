"""What is in a TAR or ZIP, as a list of entries: read once, checked, never trusted.

No path of an archive is ever a path on disk: contents are kept by their SHA-256, and names stay
text. Refused are absolute names, `..`, devices and pipes, links that lead out of the tree, entries
below a link or a file, encrypted members, and more than an archive of its size can soundly hold.
Owners and times are left out; permissions stay, without setuid and setgid.
"""

from __future__ import annotations

import errno
import hashlib
import lzma
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal, cast

from provisimus.artifacts.checksums import PIECE
from provisimus.artifacts.packed import Reader, plain
from provisimus.errors import ProvisimusError

MOST_BYTES = 16 << 30
MOST_ENTRIES = 200_000
MOST_RATIO = 200
"""How many times an archive's size its content may be; a small one may have `ANYWAY` bytes."""
ANYWAY = 64 << 20
LONGEST_HEADER = 1 << 20
"""Bytes of a TAR header that extends another: a name, a link, attributes."""
MOST_HOPS = 40
"""Links on the way of one path (Linux's own limit)."""
MOST_DEPTH = 4096
"""Characters of a path (Linux's PATH_MAX)."""

Keep = Callable[[Iterator[bytes]], tuple[str, int]]
"""Takes the content of a file, gives back its SHA-256 in hex and its size."""


class UnsafeArchive(ProvisimusError):
    """An archive that would write elsewhere, or is more than it says."""


@dataclass(frozen=True)
class Entry:
    """`path` is relative, with `/`; `digest` the SHA-256 of a file, `target` that of a link."""

    path: str
    kind: Literal["file", "folder", "link"]
    mode: int
    digest: str = ""
    size: int = 0
    target: str = ""


def read_tar(pieces: Iterable[bytes], keep: Keep, where: str, size: int) -> tuple[Entry, ...]:
    """The entries of a TAR, packed with gzip, bzip2, xz or not at all, as it streams by.

    Reads on to the very end, so that whoever verifies the stream has seen it all. `size` is the
    archive's, in bytes. Raises UnsafeArchive, tarfile.TarError, zlib.error.
    """
    stream = iter(pieces)
    tree = _Tree(where, _bound(size))
    source = cast("IO[bytes]", Reader(plain(stream)))
    with tarfile.open(fileobj=source, mode="r|", bufsize=PIECE, tarinfo=CheckedHeader) as archive:
        for member in archive:
            mode = member.mode & 0o777
            if member.isdir():
                tree.folder(member.name, mode)
            elif member.issym():
                tree.link(member.name, member.linkname)
            elif member.islnk():
                tree.same(member.name, member.linkname)
            elif member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                tree.file(member.name, mode, _read(content), keep)
            else:
                raise _unsafe(where, member.name, "is a device, a pipe or something else")
    for _ in stream:
        pass
    return tree.entries()


def read_zip(path: Path, keep: Keep, where: str) -> tuple[Entry, ...]:
    """The entries of a ZIP. Raises UnsafeArchive, and one of FAULTS."""
    tree = _Tree(where, _bound(path.stat().st_size))
    with zip_faults(), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            # The upper half holds Unix's mode where a Unix wrote it (APPNOTE 4.4.15).
            mode = member.external_attr >> 16 if member.create_system == 3 else 0
            kind, permissions = stat.S_IFMT(mode), mode & 0o777
            if member.flag_bits & 0x1:
                raise _unsafe(where, member.filename, "is encrypted")
            if member.is_dir():
                tree.folder(member.filename, permissions or 0o755)
            elif kind == stat.S_IFLNK:
                if member.file_size > MOST_DEPTH:
                    raise _unsafe(where, member.filename, "is a link to nowhere")
                tree.link(member.filename, archive.read(member).decode(errors="surrogateescape"))
            elif kind in (0, stat.S_IFREG):
                with archive.open(member) as content:
                    tree.file(member.filename, permissions or 0o644, _read(content), keep)
            else:
                raise _unsafe(where, member.filename, "is a device, a pipe or something else")
    return tree.entries()


@contextmanager
def zip_faults() -> Iterator[None]:
    """bz2 calls damaged data an OSError without a number, and a place before the start of the file
    is one to zipfile: neither is a disk that fails.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):
            raise
        raise zipfile.BadZipFile(str(error)) from error


def selected(
    entries: Iterable[Entry],
    *,
    strip: int = 0,
    include: Iterable[str] = (),
    exclude: Iterable[str] = (),
    where: str = "",
) -> tuple[Entry, ...]:
    """What is left without the first `strip` folders of each path, and of what the patterns say.

    A pattern is one of .dockerignore (`*`, `?`, `[…]`, `**`) on the stripped path; one that names
    a folder holds for all in it. Folders on the way to what is kept stay. Raises UnsafeArchive for
    a link that leads out of what is left, ProvisimusError when nothing is.
    """
    chosen, left_out = _patterns(include), _patterns(exclude)
    kept: dict[str, Entry] = {}
    folders: dict[str, Entry] = {}
    for each in entries:
        path = "/".join(each.path.split("/")[strip:])
        if not path:
            continue
        moved = replace(each, path=path)
        if each.kind == "folder":
            folders[path] = moved
        if (not chosen or _fits(chosen, path)) and not _fits(left_out, path):
            if path in kept and kept[path] != moved and moved.kind != "folder":
                raise _unsafe(where, path, f"stands there twice once {strip} folders are stripped")
            kept[path] = moved
    for path in list(kept):
        parent = posixpath.dirname(path)
        while parent and parent not in kept:
            kept[parent] = folders.get(parent, Entry(parent, "folder", 0o755))
            parent = posixpath.dirname(parent)
    if not kept:
        raise ProvisimusError(
            "nothing of the archive is left",
            where=where,
            hint="look at strip:, include: and exclude: in the manifest",
        )
    _check_tree(kept, where)
    return tuple(kept[path] for path in sorted(kept))


class _Tree:
    """Entries as they come, each checked by itself; the whole is checked at the end."""

    def __init__(self, where: str, most: int) -> None:
        self._where = where
        self._most = most
        self._bytes = 0
        self._count = 0
        self._found: dict[str, Entry] = {}

    def folder(self, name: str, mode: int) -> None:
        path = self._path(name)
        if path:
            before = self._found.get(path)
            if before is not None and before.kind != "folder":
                raise _unsafe(self._where, name, "replaces a file by a folder")
            self._found[path] = Entry(path, "folder", mode)

    def link(self, name: str, target: str) -> None:
        self._put(name, Entry("", "link", 0o777, target=target))

    def same(self, name: str, other: str) -> None:
        """A hard link: the file that came under the other name, once more."""
        path = self._path(other)
        before = self._found.get(path)
        if before is None or before.kind != "file":
            raise _unsafe(self._where, name, f"is the same as {other}, which is no file before it")
        self._put(name, before)

    def file(self, name: str, mode: int, content: Iterator[bytes], keep: Keep) -> None:
        self._path(name)
        digest, size = keep(self._counted(content, name))
        self._put(name, Entry("", "file", mode, digest, size))

    def entries(self) -> tuple[Entry, ...]:
        _check_tree(self._found, self._where)
        return tuple(self._found[path] for path in sorted(self._found))

    def _put(self, name: str, entry: Entry) -> None:
        path = self._path(name)
        if not path:
            raise _unsafe(self._where, name, "has no name")
        before = self._found.get(path)
        if before is not None and before.kind == "folder":
            raise _unsafe(self._where, name, "replaces a folder by a file")
        # As tar does: what comes later under the same name counts.
        self._found[path] = replace(entry, path=path)

    def _counted(self, content: Iterator[bytes], name: str) -> Iterator[bytes]:
        for piece in content:
            self._bytes += len(piece)
            if self._bytes > self._most:
                text = f"makes the content larger than {self._most:,} bytes, too much for it"
                raise _unsafe(self._where, name, text)
            yield piece

    def _path(self, name: str) -> str:
        self._count += 1
        if self._count > 2 * MOST_ENTRIES:
            raise _unsafe(self._where, name, f"is beyond {MOST_ENTRIES:,} entries")
        if name.startswith("/"):
            raise _unsafe(self._where, name, "is an absolute path")
        parts = [part for part in name.split("/") if part not in ("", ".")]
        if ".." in parts:
            raise _unsafe(self._where, name, "leads out of the archive")
        path = "/".join(parts)
        if "\0" in path or len(path) > MOST_DEPTH or any(len(part) > 255 for part in parts):
            raise _unsafe(self._where, name, "is no name that a file can have")
        return path


def _check_tree(found: Mapping[str, Entry], where: str) -> None:
    for path, each in found.items():
        parent = posixpath.dirname(path)
        while parent:
            above = found.get(parent)
            if above is not None and above.kind != "folder":
                raise _unsafe(where, path, f"stands below {parent}, which is no folder")
            parent = posixpath.dirname(parent)
        if each.kind == "link" and _leads_out(found, path):
            text = f"is a link to {ascii(each.target)[:100]}, which leads out of the tree"
            raise _unsafe(where, path, text)


def _leads_out(found: Mapping[str, Entry], path: str) -> bool:
    """Whether following a link, and the links on its way, ever leaves the tree or never ends."""
    rest, done, hops = path.split("/"), list[str](), 0
    while rest:
        part = rest.pop(0)
        if part in ("", "."):
            continue
        if part == "..":
            if not done:
                return True
            done.pop()
            continue
        here = found.get("/".join([*done, part]))
        if here is None or here.kind != "link":
            done.append(part)
            continue
        hops += 1
        if hops > MOST_HOPS or not here.target or here.target.startswith("/"):
            return True
        rest = here.target.split("/") + rest
    return False


def _fits(patterns: list[Callable[[str], bool]], path: str) -> bool:
    return any(pattern(path) for pattern in patterns)


def _patterns(texts: Iterable[str]) -> list[Callable[[str], bool]]:
    import re

    found: list[Callable[[str], bool]] = []
    for text in texts:
        regex = re.compile(_as_regex(text.strip("/")) + "(?:/.*)?", re.DOTALL)
        found.append(lambda path, regex=regex: bool(regex.fullmatch(path)))  # type: ignore[misc]
    return found


def _as_regex(pattern: str) -> str:
    """Go's filepath.Match, and `**` for any number of folders, as .dockerignore has them."""
    import re

    out, index = "", 0
    while index < len(pattern):
        char = pattern[index]
        end = pattern.find("]", index + 2) if char == "[" else -1
        if pattern.startswith("**/", index):
            out, index = out + "(?:.*/)?", index + 3
        elif pattern.startswith("**", index):
            out, index = out + ".*", index + 2
        elif end > 0:
            inside = pattern[index + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out, index = f"{out}[{inside}]", end + 1
        else:
            plain = {"*": "[^/]*", "?": "[^/]"}.get(char) or re.escape(char)
            out, index = out + plain, index + 1
    return out


def _bound(size: int) -> int:
    return min(MOST_BYTES, max(ANYWAY, MOST_RATIO * size))


def _read(content: IO[bytes]) -> Iterator[bytes]:
    while piece := content.read(PIECE):
        yield piece


def _unsafe(where: str, name: str, why: str) -> UnsafeArchive:
    shown = ascii(name if len(name) < 100 else name[:100] + "…")
    return UnsafeArchive(
        f"the archive is not safe to unpack: {shown} {why}",
        where=where,
        hint="ask whoever made it; leave out unpack: to copy it as it is",
    )


class CheckedHeader(tarfile.TarInfo):
    """tarfile takes a header that is cut or damaged for the end of the archive, and reads one that
    extends another whole into memory, whatever its size.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> CheckedHeader:
        return _checked(buf, lambda: super(CheckedHeader, cls).frombuf(buf, encoding, errors))

    @classmethod
    def _frombuf(
        cls, buf: bytes | bytearray, encoding: str, errors: str, **more: Any
    ) -> CheckedHeader:
        """By this one newer Pythons read (3.13.5 of Debian 13 does)."""
        # It is not there in others, which do not call it.
        read: Any = super()._frombuf  # type: ignore[misc]
        return _checked(buf, lambda: read(buf, encoding, errors, **more))


def _checked(buf: bytes | bytearray, read: Callable[[], CheckedHeader]) -> CheckedHeader:
    if len(buf) != tarfile.BLOCKSIZE:
        raise tarfile.ReadError("it ends before its end mark")
    try:
        found = read()
    except tarfile.HeaderError as error:
        if not any(buf):
            # The end mark.
            raise
        raise tarfile.ReadError(str(error)) from error
    plain = (*tarfile.REGULAR_TYPES, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)
    if found.type not in plain and found.size > LONGEST_HEADER:
        raise tarfile.ReadError(f"a header has {found.size:,} bytes")
    return found


FAULTS = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    # tarfile and zipfile trip over themselves: an empty gzip header, a date that is none.
    TypeError,
    IndexError,
    ValueError,
)
"""What the readers of archives raise for one that is truncated, damaged or of an unknown make."""


def sha256_and_size(stream: Iterator[bytes], write: Callable[[bytes], object]) -> tuple[str, int]:
    """Write the pieces while hashing them."""
    digest, size = hashlib.sha256(), 0
    for piece in stream:
        digest.update(piece)
        size += len(piece)
        write(piece)
    return digest.hexdigest(), size
