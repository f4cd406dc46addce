"""JARs and what is inside them, told by what Maven wrote there. Pure but for reading the file.

A fat JAR holds others as files; a shaded one holds their classes, and several pom.properties.
"""

from __future__ import annotations

import hashlib
import lzma
import posixpath
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from typing import IO

from provisimus.images.sbom.component import Component, purl

SUFFIXES = (".jar", ".war", ".ear", ".rar", ".hpi")
DEPTH = 4
LARGEST = 2 << 30
"""Bytes of one JAR inside another: what is bigger is named, not opened."""
_TEXT = 1 << 20
_MANY = 200_000

_POM = re.compile(
    r"(?:.*/)?META-INF/maven/(?P<group>[^/]+)/(?P<artifact>[^/]+)/pom\.(?:properties|xml)"
)


def is_jar(path: str) -> bool:
    return path.lower().endswith(SUFFIXES)


def is_pom(path: str) -> bool:
    """A pom.properties that lies in the file system by itself: a JAR that was unpacked."""
    return path.endswith("/pom.properties") and _POM.fullmatch(path) is not None


def jar_components(file: IO[bytes], path: str, depth: int = DEPTH) -> Iterator[Component]:
    """A JAR, then everything inside it, in the order of names. `file` is at its beginning.

    A JAR that cannot be read is told as such; it is no reason to know nothing of the others.
    """
    sha256 = _sha256(file)
    try:
        with zipfile.ZipFile(file) as archive:
            names = sorted(archive.namelist())
            if len(names) > _MANY:
                raise zipfile.BadZipFile("too many entries")
            own, shaded = _own(archive, names, path, sha256)
            inside = list(_inside(archive, names, path, depth))
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ):
        yield Component(posixpath.basename(path), path=path, sha256=sha256, unreadable=True)
        return
    yield own
    yield from shaded
    yield from inside


def from_properties(text: str, path: str, sha256: str = "") -> Component | None:
    """What a pom.properties says; None when it does not say all of it."""
    values = _properties(text)
    group, artifact, version = (values.get(key, "") for key in ("groupId", "artifactId", "version"))
    # A template that Maven did not fill in says nothing.
    if not (group and artifact and version) or "${" in group + artifact + version:
        return None
    where = purl("maven", (group, artifact), version)
    return Component(artifact, version, group, where, path, sha256)


def _inside(
    archive: zipfile.ZipFile, names: Sequence[str], path: str, depth: int
) -> Iterator[Component]:
    for name in names:
        if not is_jar(name):
            continue
        where = f"{path}!/{name}"
        if depth <= 1 or archive.getinfo(name).file_size > LARGEST:
            yield Component(posixpath.basename(name), path=where, unreadable=True)
            continue
        with (
            archive.open(name) as packed,
            tempfile.SpooledTemporaryFile(max_size=32 << 20) as nested,
        ):
            left = LARGEST
            while left and (piece := packed.read(min(left, 1 << 20))):
                nested.write(piece)
                left -= len(piece)
            nested.seek(0)
            yield from jar_components(nested, where, depth - 1)


def _own(
    archive: zipfile.ZipFile, names: Sequence[str], path: str, sha256: str
) -> tuple[Component, list[Component]]:
    """The JAR itself, and what else Maven wrote into it: libraries whose classes it took over."""
    found: list[Component] = []
    for name in names:
        if name.endswith("/pom.properties") and name.startswith("META-INF/maven/"):
            part = from_properties(_text(archive, name), f"{path}!/{name}")
            if part is not None:
                found.append(_with_licences(archive, names, name, part))
    manifest = _manifest(archive, names)
    own = _which(found, path)
    rest = [each for each in found if each is not own]
    if own is not None:
        licences = own.licences or _licences_of(manifest)
        whole = Component(own.name, own.version, own.group, own.purl, path, sha256, licences)
        return whole, rest
    version = manifest.get("Implementation-Version") or manifest.get("Bundle-Version") or ""
    name = posixpath.basename(path)
    return Component(name, version, "", "", path, sha256, _licences_of(manifest)), rest


def _which(found: Sequence[Component], path: str) -> Component | None:
    """Which of several coordinates are the JAR's own: those that its file is named after.

    The longest such name; a lone one that fits no name is its own, too.
    """
    stem = posixpath.basename(path).rpartition(".")[0]
    named = [
        each
        for each in found
        if stem == each.name or stem.startswith(f"{each.name}-{each.version}")
    ] or [each for each in found if stem.startswith(f"{each.name}-")]
    if named:
        return max(named, key=lambda each: len(each.name))
    return found[0] if len(found) == 1 else None


def _with_licences(
    archive: zipfile.ZipFile, names: Sequence[str], properties: str, part: Component
) -> Component:
    pom = properties.removesuffix(".properties") + ".xml"
    if pom not in names:
        return part
    return Component(
        part.name,
        part.version,
        part.group,
        part.purl,
        part.path,
        part.sha256,
        licences_in_pom(_text(archive, pom)),
    )


def licences_in_pom(text: str) -> tuple[str, ...]:
    """The names of a POM's own licences; those of its parent are not in the JAR."""
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    block = re.search(r"<licenses>(.*?)</licenses>", text, re.DOTALL)
    if block is None:
        return ()
    from html import unescape

    names = re.findall(r"<license>.*?<name>\s*(.*?)\s*</name>", block[1], re.DOTALL)
    return tuple(sorted({" ".join(unescape(name).split()) for name in names if name}))


def _licences_of(manifest: dict[str, str]) -> tuple[str, ...]:
    """OSGi's Bundle-License: names or addresses, each with attributes after a semicolon."""
    given = re.sub(r'"[^"]*"', lambda found: found[0].replace(",", " "), manifest.get(_LICENCE, ""))
    names = {part.partition(";")[0].strip().strip('"') for part in given.split(",")}
    return tuple(sorted(name for name in names if name and name != "<<EXTERNAL>>"))


_LICENCE = "Bundle-License"


def _manifest(archive: zipfile.ZipFile, names: Sequence[str]) -> dict[str, str]:
    """The main section of MANIFEST.MF; lines that go on begin with a blank."""
    if "META-INF/MANIFEST.MF" not in names:
        return {}
    text = _text(archive, "META-INF/MANIFEST.MF").replace("\r\n", "\n")
    main = text.partition("\n\n")[0].replace("\n ", "")
    pairs = (line.partition(":") for line in main.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


def _sha256(file: IO[bytes]) -> str:
    seen = hashlib.sha256()
    while piece := file.read(1 << 20):
        seen.update(piece)
    file.seek(0)
    return seen.hexdigest()


def _text(archive: zipfile.ZipFile, name: str) -> str:
    with archive.open(name) as file:
        return file.read(_TEXT).decode("utf-8", "replace")


def _properties(text: str) -> dict[str, str]:
    pairs = (
        re.split(r"[=:]", line, maxsplit=1)
        for line in text.splitlines()
        if line.strip() and line.lstrip()[0] not in "#!"
    )
    return {pair[0].strip(): pair[1].strip() for pair in pairs if len(pair) == 2}
