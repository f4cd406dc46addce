"""`layers: auto`: a fat JAR taken apart, so that a small change is a small push.

What changes seldom (libraries) goes into layers of its own, as JARs in a folder beside; what
changes often stays in a JAR under the old name, whose manifest names the others in `Class-Path`.
So `java -jar` and `java -cp` go on as they are; several releases in one JAR and versions of
packages keep their meaning.

Sources: Spring Boot's reference, "Executable JARs", and what its `-Djarmode=tools extract` makes;
JAR File Specification, "Class-Path Attribute" and "Manifest Specification".
"""

from __future__ import annotations

import hashlib
import io
import posixpath
import re
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import quote

from provisimus.images.assembly import ComposedLayer
from provisimus.images.dividing import divided
from provisimus.images.layers import LayerEntry
from provisimus.images.own_libraries import is_own_library, is_snapshot_file, own_prefix
from provisimus.images.stored_zip import StoredFile, zip_pieces

MANIFEST = "META-INF/MANIFEST.MF"
LIBRARIES = ("libraries", "own libraries", "snapshots")
"""What changes seldom first; each is a layer."""

LOADER = "org.springframework.boot.loader"
"""It is left out: the libraries are on the class path, where it is not needed."""

_BOOT_CLASSES, _BOOT_LIBRARIES = "BOOT-INF/classes/", "BOOT-INF/lib/"
_PIECE = 1 << 20
_IN_MEMORY = 8 << 20
"""Bytes of a library that is looked into; a bigger one goes to a temporary file."""

_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)
"""What zipfile raises for what is truncated, damaged, encrypted or of an unknown make."""


class NotSplit(Exception):
    """Why a JAR stays whole."""


@dataclass(frozen=True)
class Part:
    """One JAR that comes out: the application's, or a library beside it. `group` names its layer.

    `pieces` gives its bytes while the archive that it comes from is open.
    """

    name: str
    group: str
    size: int
    sha256: str
    pieces: Callable[[], Iterator[bytes]] = field(compare=False, repr=False)


@dataclass(frozen=True)
class TakenApart:
    application: Part
    libraries: tuple[Part, ...]


@contextmanager
def open_jar(path: Path, told: Callable[[int], object] | None = None) -> Iterator[zipfile.ZipFile]:
    """Raises NotSplit for what is none. `told` hears how many bytes were read of it so far."""
    with _Told(path, told) as file:
        try:
            archive = zipfile.ZipFile(file)
        except (*_FAULTS, OSError) as error:
            raise NotSplit(f"it is no JAR: {error}") from None
        with archive:
            yield archive


class _Told(io.FileIO):
    def __init__(self, path: Path, told: Callable[[int], object] | None) -> None:
        super().__init__(path)
        self._told = told
        self._done = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(-1 if size is None else size)
        before, self._done = self._done, self._done + len(found)
        if self._told is not None and before // _PIECE != self._done // _PIECE:
            self._told(self._done)
        return found


def split_layer(
    layer: ComposedLayer, sha256: str, jar: zipfile.ZipFile, group: str
) -> list[ComposedLayer]:
    """The layer that copies the JAR with this SHA-256, as several; the application last.

    Raises NotSplit with the reason for which it stays one. The JAR stays open until the layers
    are made.
    """
    found = [each for each in layer.entries if each.digest == sha256]
    if len(found) != 1:
        raise NotSplit("it is copied more than once")
    entry = found[0]
    stem, _, ending = posixpath.basename(entry.path).rpartition(".")
    if ending != "jar":
        raise NotSplit(f"its name in the image, /{entry.path}, does not end in .jar")
    folder = f"{stem}.lib"
    apart = take_apart(jar, group, folder)
    where = posixpath.join(posixpath.dirname(entry.path), folder)
    folders = [each for each in layer.entries if each.kind == "folder"]
    own = LayerEntry(where, "folder", 0o755, entry.uid, entry.gid)
    out = []
    for name in dict.fromkeys([*LIBRARIES, *(each.group for each in apart.libraries)]):
        members = [
            _entry(f"{where}/{each.name}", each, entry)
            for each in apart.libraries
            if each.group == name
        ]
        for which, some in divided(members):
            entries = (*folders, own, *sorted(some, key=lambda each: each.path))
            out.append(ComposedLayer(entries, f"{layer.created_by} # {name}{which}"))
    application = _entry(entry.path, apart.application, entry)
    rest = tuple(application if each is entry else each for each in layer.entries)
    return [*out, ComposedLayer(rest, f"{layer.created_by} # application")]


def take_apart(archive: zipfile.ZipFile, group: str, folder: str) -> TakenApart:
    """The application's JAR and its libraries, which will lie in `folder` beside it.

    `group` is the Maven group of the artifact, which tells our own classes. The same JAR gives the
    same bytes everywhere: nothing is compressed here, the layer will be. It is read once here for
    sizes and digests, and again for the bytes. Raises NotSplit.
    """
    names = [each.filename for each in archive.infolist() if not each.is_dir()]
    if len(names) != len(set(names)):
        raise NotSplit("it holds two files of one name")
    if MANIFEST not in names:
        raise NotSplit("it has no manifest")
    if any(re.fullmatch(r"META-INF/[^/]+\.(SF|RSA|DSA|EC)", name) for name in names):
        raise NotSplit("it is signed")
    try:
        main = read_manifest(archive.read(MANIFEST).decode(errors="replace"))
        if "Class-Path" in main:
            raise NotSplit("its manifest has a Class-Path already")
        own = own_prefix(group)
        if any(name.startswith(_BOOT_LIBRARIES) for name in names):
            return _spring_boot(archive, names, main, own, folder)
        return _shaded(archive, names, main, own, folder)
    except _FAULTS as error:
        raise NotSplit(f"it cannot be read: {error}") from None


def read_manifest(text: str) -> dict[str, str]:
    """The main section of a JAR's manifest."""
    joined = re.sub(r"\r?\n ", "", text.replace("\r\n", "\n"))
    pairs = (line.partition(": ") for line in joined.split("\n\n")[0].splitlines())
    return {key: value for key, separator, value in pairs if separator}


def write_manifest(main: Mapping[str, str]) -> bytes:
    """A manifest of one section; lines hold 72 bytes at most."""
    out = b""
    for key, value in {"Manifest-Version": "1.0", **main}.items():
        line = f"{key}: {value}".encode()
        while len(line) > 72:
            out += line[:72] + b"\r\n"
            line = b" " + line[72:]
        out += line + b"\r\n"
    return out + b"\r\n"


def _spring_boot(
    archive: zipfile.ZipFile, names: Sequence[str], main: Mapping[str, str], own: str, folder: str
) -> TakenApart:
    start = main.get("Start-Class")
    if start is None:
        raise NotSplit("its manifest has no Start-Class")
    layers = _layers_index(archive, names)
    ordered = _class_path(archive, names)
    libraries = []
    for name in ordered:
        group = layers(name) or ("snapshots" if is_snapshot_file(name) else "")
        libraries.append(_library(archive, name, group, own))
    files = {
        name.removeprefix(_BOOT_CLASSES): name for name in names if name.startswith(_BOOT_CLASSES)
    }
    # What speaks of the layout that is no more.
    gone = ("Start-Class", "Spring-Boot-Classes", "Spring-Boot-Lib", "Spring-Boot-Classpath-Index")
    kept = {key: value for key, value in main.items() if key not in gone}
    manifest = {**kept, "Main-Class": start}
    return TakenApart(_packed(archive, files, manifest, libraries, folder), tuple(libraries))


def _shaded(
    archive: zipfile.ZipFile, names: Sequence[str], main: Mapping[str, str], own: str, folder: str
) -> TakenApart:
    if own == "/":
        raise NotSplit("a vendor's file has no Maven group to tell its classes by")
    foreign = {
        posixpath.dirname(_plain(name))
        for name in names
        if name.endswith(".class") and not _is_own(name, own)
    }
    # Folders of libraries' classes, and what lies below: com/google/x brings com/google/x/data.txt.
    apart = [
        name
        for name in names
        if not _is_own(name, own)
        and (name.endswith(".class") or _within(posixpath.dirname(_plain(name)), foreign))
    ]
    gone = {*apart, MANIFEST}
    mine = [name for name in names if name not in gone]
    if not any(name.endswith(".class") for name in mine):
        raise NotSplit(f"it has no class below {own}")
    if not apart:
        raise NotSplit("it holds no library")
    shared = {key: main[key] for key in ("Multi-Release",) if key in main}
    packed = _packed(archive, {name: name for name in apart}, shared, (), folder)
    library = replace(packed, name="libraries.jar", group=LIBRARIES[0])
    files = {name: name for name in mine}
    return TakenApart(_packed(archive, files, main, [library], folder), (library,))


def _is_own(name: str, own: str) -> bool:
    plain = _plain(name)
    return plain.startswith((own, "META-INF/"))


def _plain(name: str) -> str:
    """The name without the prefix of one Java release."""
    return re.sub(r"^META-INF/versions/\d+/", "", name)


def _within(folder: str, folders: set[str]) -> bool:
    parts = folder.split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts) + 1))


def _layers_index(archive: zipfile.ZipFile, names: Sequence[str]) -> _Layers:
    if "BOOT-INF/layers.idx" not in names:
        return _Layers(())
    pairs = []
    layer = ""
    for line in archive.read("BOOT-INF/layers.idx").decode(errors="replace").splitlines():
        named = re.fullmatch(r'- "(.+)":', line)
        member = re.fullmatch(r'\s+- "(.+)"', line)
        if named:
            layer = named[1]
        elif member:
            pairs.append((member[1], layer))
    return _Layers(tuple(pairs))


@dataclass(frozen=True)
class _Layers:
    """Spring Boot's layers.idx: a path, or a folder with a slash, and its layer."""

    pairs: tuple[tuple[str, str], ...]

    def __call__(self, name: str) -> str | None:
        for path, layer in self.pairs:
            if name == path or (path.endswith("/") and name.startswith(path)):
                return layer
        return None


def _class_path(archive: zipfile.ZipFile, names: Sequence[str]) -> list[str]:
    """The libraries in the order in which Spring Boot would load them."""
    libraries = [name for name in names if re.fullmatch(r"BOOT-INF/lib/[^/]+\.jar", name)]
    if "BOOT-INF/classpath.idx" not in names:
        return libraries
    text = archive.read("BOOT-INF/classpath.idx").decode(errors="replace")
    said = [name for name in re.findall(r'- "(.+)"', text) if name in libraries]
    return [*said, *(name for name in libraries if name not in said)]


def _library(archive: zipfile.ZipFile, name: str, group: str, own: str) -> Part:
    """A JAR that lies in another. Where no group is given, what is in it decides."""
    pieces = partial(_content, archive, name)
    with tempfile.SpooledTemporaryFile(_IN_MEMORY) as copy:
        sha256, size = _summed(pieces(), None if group else copy)
        if not group:
            group = "own libraries" if is_own_library(copy, own) else "libraries"
    return Part(posixpath.basename(name), group, size, sha256, pieces)


def _packed(
    archive: zipfile.ZipFile,
    files: Mapping[str, str],
    main: Mapping[str, str],
    libraries: Sequence[Part],
    folder: str,
) -> Part:
    """A JAR of these files (name in it: name in the archive), nothing compressed, no time in it."""
    path = " ".join(f"{quote(folder)}/{quote(each.name)}" for each in libraries)
    manifest = write_manifest({**main, **({"Class-Path": path} if path else {})})
    members = [
        StoredFile(MANIFEST, len(manifest), zlib.crc32(manifest), lambda: iter([manifest])),
        *(_member(archive, name, files[name]) for name in sorted(files) if name != MANIFEST),
    ]
    pieces = partial(zip_pieces, members)
    sha256, size = _summed(pieces())
    return Part("", "", size, sha256, pieces)


def _member(archive: zipfile.ZipFile, name: str, source: str) -> StoredFile:
    known = archive.getinfo(source)
    # zipfile compares what it reads with these two.
    return StoredFile(name, known.file_size, known.CRC, partial(_content, archive, source))


def _content(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        while piece := file.read(_PIECE):
            yield piece


def _summed(pieces: Iterator[bytes], copy: IO[bytes] | None = None) -> tuple[str, int]:
    seen, size = hashlib.sha256(), 0
    for piece in pieces:
        seen.update(piece)
        size += len(piece)
        if copy is not None:
            copy.write(piece)
    return seen.hexdigest(), size


def _entry(path: str, part: Part, like: LayerEntry) -> LayerEntry:
    owner = (like.mode, like.uid, like.gid)
    return LayerEntry(path, "file", *owner, part.size, "", part.sha256, part.pieces)
