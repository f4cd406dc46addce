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
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote

from provisimus.images.assembly import ComposedLayer
from provisimus.images.layers import LayerEntry

MANIFEST = "META-INF/MANIFEST.MF"
LIBRARIES = ("libraries", "own libraries", "snapshots")
"""What changes seldom first; each is a layer."""

LOADER = "org.springframework.boot.loader"
"""It is left out: the libraries are on the class path, where it is not needed."""

_BOOT_CLASSES, _BOOT_LIBRARIES = "BOOT-INF/classes/", "BOOT-INF/lib/"
_TIME = (2020, 1, 1, 0, 0, 0)


class NotSplit(Exception):
    """Why a JAR stays whole."""


@dataclass(frozen=True)
class Library:
    """A JAR beside the application. `group` names its layer; `pieces` gives its `size` bytes."""

    name: str
    group: str
    sha256: str
    size: int
    pieces: Callable[[], Iterator[bytes]]


@dataclass(frozen=True)
class TakenApart:
    application: bytes
    libraries: tuple[Library, ...]


def open_jar(place: Path) -> zipfile.ZipFile:
    """Raises NotSplit for what is none."""
    try:
        return zipfile.ZipFile(place)
    except (OSError, zipfile.BadZipFile) as error:
        raise NotSplit(f"it is no JAR: {error}") from None


def split_layer(
    layer: ComposedLayer, sha256: str, jar: zipfile.ZipFile, group: str
) -> list[ComposedLayer]:
    """The layer that copies the JAR with this SHA-256, as several; the application last.

    Libraries are read from the JAR again when they are sent: it stays open until then. Raises
    NotSplit with the reason for which it stays one.
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
            _entry(f"{where}/{each.name}", each.sha256, each.size, each.pieces, entry)
            for each in apart.libraries
            if each.group == name
        ]
        if members:
            entries = (*folders, own, *sorted(members, key=lambda each: each.path))
            out.append(ComposedLayer(entries, f"{layer.created_by} # {name}"))
    made = apart.application
    sha256 = hashlib.sha256(made).hexdigest()
    application = _entry(entry.path, sha256, len(made), lambda: iter([made]), entry)
    rest = tuple(application if each is entry else each for each in layer.entries)
    return [*out, ComposedLayer(rest, f"{layer.created_by} # application")]


def take_apart(jar: zipfile.ZipFile, group: str, folder: str) -> TakenApart:
    """The application's JAR and its libraries, which will lie in `folder` beside it.

    `group` is the Maven group of the artifact: what is below its first two parts is our own. The
    same JAR gives the same bytes everywhere: nothing is compressed here, the layer will be.
    """
    names = [each.filename for each in jar.infolist() if not each.is_dir()]
    if len(names) != len(set(names)):
        raise NotSplit("it holds two files of one name")
    if MANIFEST not in names:
        raise NotSplit("it has no manifest")
    if any(re.fullmatch(r"META-INF/[^/]+\.(SF|RSA|DSA|EC)", name) for name in names):
        raise NotSplit("it is signed")
    main = read_manifest(jar.read(MANIFEST).decode(errors="replace"))
    if "Class-Path" in main:
        raise NotSplit("its manifest has a Class-Path already")
    own = "/".join(group.split(".")[:2]) + "/"
    if any(name.startswith(_BOOT_LIBRARIES) for name in names):
        return _spring_boot(jar, names, main, own, folder)
    return _shaded(jar, names, main, own, folder)


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
        content = archive.read(name)
        group = layers(name) or _group_of(name, content, own)
        sha256 = hashlib.sha256(content).hexdigest()
        pieces = partial(_pieces, archive, name)
        library = Library(posixpath.basename(name), group, sha256, len(content), pieces)
        libraries.append(library)
    files = {
        name.removeprefix(_BOOT_CLASSES): name for name in names if name.startswith(_BOOT_CLASSES)
    }
    # What speaks of the layout that is no more.
    gone = ("Start-Class", "Spring-Boot-Classes", "Spring-Boot-Lib", "Spring-Boot-Classpath-Index")
    kept = {key: value for key, value in main.items() if key not in gone}
    manifest = {**kept, "Main-Class": start}
    return TakenApart(_pack(archive, files, manifest, libraries, folder), tuple(libraries))


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
    mine = [name for name in names if name not in set(apart) and name != MANIFEST]
    if not any(name.endswith(".class") for name in mine):
        raise NotSplit(f"it has no class below {own}")
    if not apart:
        raise NotSplit("it holds no library")
    shared = {key: main[key] for key in ("Multi-Release",) if key in main}
    content = _pack(archive, {name: name for name in apart}, shared, (), folder)
    sha256 = hashlib.sha256(content).hexdigest()
    library = Library("libraries.jar", LIBRARIES[0], sha256, len(content), lambda: iter([content]))
    files = {name: name for name in mine}
    return TakenApart(_pack(archive, files, main, [library], folder), (library,))


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


def _group_of(name: str, content: bytes, own: str) -> str:
    if "SNAPSHOT" in name:
        return "snapshots"
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            maven = f"META-INF/maven/{own.strip('/').replace('/', '.')}"
            found = any(each.startswith((own, maven)) for each in inner.namelist())
    except zipfile.BadZipFile:
        found = False
    return "own libraries" if found else "libraries"


def _pack(
    archive: zipfile.ZipFile,
    files: Mapping[str, str],
    main: Mapping[str, str],
    libraries: Sequence[Library],
    folder: str,
) -> bytes:
    """A JAR of these files (name in it: name in the archive), nothing compressed, no time in it."""
    path = " ".join(f"{quote(folder)}/{quote(each.name)}" for each in libraries)
    manifest = {**main, **({"Class-Path": path} if path else {})}
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as made:
        for name, content in _members(archive, files, write_manifest(manifest)):
            made.writestr(zipfile.ZipInfo(name, _TIME), content)
    return target.getvalue()


def _members(
    archive: zipfile.ZipFile, files: Mapping[str, str], manifest: bytes
) -> Iterator[tuple[str, bytes]]:
    yield MANIFEST, manifest
    for name in sorted(files):
        if name != MANIFEST:
            yield name, archive.read(files[name])


def _pieces(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        while piece := file.read(1 << 20):
            yield piece


def _entry(
    path: str, sha256: str, size: int, pieces: Callable[[], Iterator[bytes]], like: LayerEntry
) -> LayerEntry:
    return LayerEntry(path, "file", like.mode, like.uid, like.gid, size, "", sha256, pieces)
