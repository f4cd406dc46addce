"""What an artifact says of itself: its soundness, its commit, its coordinates.

Reads JAR (ZIP) and TAR files; writes nothing. Unknown stays None.
"""

from __future__ import annotations

import re
import struct
import tarfile
import zipfile
from pathlib import Path
from typing import IO, cast

from provisimus.artifacts.checksums import PIECE, pieces
from provisimus.artifacts.packed import Reader, plain
from provisimus.artifacts.unpack import FAULTS, CheckedHeader, zip_faults
from provisimus.errors import ProvisimusError
from provisimus.model import Coordinates

ZIPS = (".jar", ".war", ".ear", ".zip")
TARS = (".tar.gz", ".tgz", ".tar")
_PROPERTIES = ("git.properties", "BOOT-INF/classes/git.properties", "META-INF/git.properties")


class CorruptArtifact(ProvisimusError):
    """An archive that is truncated or damaged."""


def check_archive(path: Path, name: str = "") -> None:
    """Read every member of an archive, whose kind its `name` tells (the file's own where none is
    given). Raises CorruptArtifact; other kinds of file pass.
    """
    kind = (name or path.name).lower()
    try:
        if kind.endswith(ZIPS):
            with zip_faults(), zipfile.ZipFile(path) as archive:
                bad = archive.testzip()
            if bad is not None:
                raise _corrupt(path, f"its entry {bad} does not match its checksum")
        elif kind.endswith(TARS):
            content = plain(pieces(path))
            source = cast("IO[bytes]", Reader(content))
            with tarfile.open(
                fileobj=source, mode="r|", bufsize=PIECE, tarinfo=CheckedHeader
            ) as tar:
                for _ in tar:
                    pass
            # On to the end: the checksum of what is packed stands there.
            for _ in content:
                pass
    except FAULTS as error:
        raise _corrupt(path, str(error) or type(error).__name__) from error
    except RuntimeError as error:
        # zipfile's word for encrypted members, which no JVM reads either.
        raise _corrupt(path, str(error)) from error


def check_whole(path: Path, name: str, where: str) -> None:
    """A glance at the first and last bytes of an archive, for those that nobody promised anything
    of. Raises CorruptArtifact for one that is cut short, or is a page that a server sent instead.
    """
    kind = name.lower()
    if kind.endswith(ZIPS) and not _has_directory(path):
        why = "it does not end as a ZIP does"
    elif kind.endswith((".tar.gz", ".tgz")) and not _is_packed_tar(path):
        why = "it does not begin as a TAR does, packed or not"
    else:
        return
    raise CorruptArtifact(
        f"{name} is truncated or damaged: {why}",
        where=where,
        hint="take it away there, then: provisimus artifact publish FILE, which reads it all first",
    )


def _has_directory(path: Path) -> bool:
    """Whether the directory at the end of a ZIP is its own, and not that of a JAR inside it, at
    which the file was cut off (APPNOTE 4.3.16).
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 22 - 0xFFFF))
        end = file.read()
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) - at < 22:
        return False
    directory, offset, comment = map(int, struct.unpack("<LLH", end[at + 12 : at + 22]))
    return at + 22 + comment == len(end) or size - len(end) + at == directory + offset


def _is_packed_tar(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(tarfile.BLOCKSIZE)
    return begin.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"PK")) or begin[257:262] == b"ustar"


def commit_in(path: Path) -> str | None:
    """The commit that a JAR was built from: `Git-Commit` of its manifest, or git.properties.

    The latter is what git-commit-id-maven-plugin writes. The file may have any name.
    """
    if not zipfile.is_zipfile(path):
        return None
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "META-INF/MANIFEST.MF" in names:
                found = manifest_value(_text(archive, "META-INF/MANIFEST.MF"), "Git-Commit")
                if found:
                    return found
            for name in _PROPERTIES:
                if name in names:
                    values = properties(_text(archive, name))
                    for key in ("git.commit.id.full", "git.commit.id"):
                        if values.get(key):
                            return values[key]
    except (*FAULTS, OSError, RuntimeError):
        return None
    return None


def coordinates_in(path: Path) -> tuple[Coordinates, ...]:
    """The coordinates that Maven wrote into a JAR; several when it holds others unpacked."""
    if not path.name.lower().endswith(ZIPS):
        return ()
    found = []
    packaging = path.suffix.lower().removeprefix(".")
    with zipfile.ZipFile(path) as archive:
        for name in sorted(archive.namelist()):
            if re.fullmatch(r"META-INF/maven/[^/]+/[^/]+/pom\.properties", name):
                values = properties(_text(archive, name))
                group, artifact = values.get("groupId"), values.get("artifactId")
                version = values.get("version")
                if group and artifact and version:
                    found.append(Coordinates(group, artifact, packaging, "", version))
    return tuple(found)


def pom_in(path: Path, coordinates: Coordinates) -> bytes | None:
    """The pom.xml of these coordinates inside a JAR."""
    if not path.name.lower().endswith(ZIPS):
        return None
    name = f"META-INF/maven/{coordinates.group}/{coordinates.artifact}/pom.xml"
    with zipfile.ZipFile(path) as archive:
        return archive.read(name) if name in archive.namelist() else None


def manifest_value(text: str, key: str) -> str | None:
    """A main attribute of a JAR manifest ("JAR File Specification"): lines of 72 bytes go on
    with a space on the next; the first empty line ends the main section."""
    joined = re.sub(r"\r\n|\r", "\n", text).partition("\n\n")[0].replace("\n ", "")
    for line in joined.split("\n"):
        name, separator, value = line.partition(":")
        if separator and name.strip().lower() == key.lower():
            return value.strip() or None
    return None


def properties(text: str) -> dict[str, str]:
    """A Java properties file, as far as Maven and its plugins write them."""
    values = {}
    for line in text.splitlines():
        found = re.match(r"\s*([^#!\s=:][^=:]*?)\s*[=:]\s*(.*?)\s*$", line)
        if found:
            values[found[1]] = found[2].replace("\\:", ":").replace("\\=", "=")
    return values


def _text(archive: zipfile.ZipFile, name: str) -> str:
    return archive.read(name).decode("utf-8", errors="replace")


def _corrupt(path: Path, why: str) -> CorruptArtifact:
    return CorruptArtifact(
        f"{path.name} is truncated or damaged: {why}",
        where=str(path),
        hint="build or download it again",
    )
