"""`artifact publish`: a file into a folder in Maven layout, whole or not at all.

The order makes it safe to end at any point: what stands beside the file first, the file itself
by one atomic step, the metadata last (readers find versions without it).
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from provisimus.artifacts.archives import check_archive, commit_in, coordinates_in, pom_in
from provisimus.artifacts.checksums import PIECE, Sums, sums_of
from provisimus.artifacts.interface import Repository
from provisimus.artifacts.kinds.folder import FolderRepository
from provisimus.artifacts.maven import layout, metadata
from provisimus.artifacts.maven.metadata import SnapshotFile
from provisimus.artifacts.maven.versions import is_snapshot
from provisimus.errors import Conflict, NotFound, Refused, UsageFault
from provisimus.files import replacing, writing
from provisimus.model import Artifact, Coordinates


@dataclass(frozen=True)
class Published:
    """`created` is False when the same bytes were there already."""

    artifact: Artifact
    created: bool


def publish(
    repository: Repository,
    file: Path,
    coordinates: Coordinates | None = None,
    commit: str | None = None,
    *,
    now: float | None = None,
) -> Published:
    """Put a file into a repository with checksums, commit and metadata.

    Coordinates and commit are read from the file when not given. `now` in seconds since the epoch.
    Raises NotFound, CorruptArtifact, UsageFault (unknown or contradicting coordinates or commit),
    Refused (a repository that is not a folder), Conflict (a release that exists with other bytes).
    """
    if not file.is_file():
        raise NotFound(f"there is no file {file}")
    if not isinstance(repository, FolderRepository):
        raise Refused(
            f"{repository.name} ({repository.location}) takes no files from here",
            hint="publish with `mvn deploy`, or declare a folder under artifacts:",
        )
    check_archive(file)
    wanted = coordinates or _own_coordinates(file)
    known = _agreed_commit(file, commit)
    sums = sums_of(file, ["sha1", "md5"])
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() if now is None else now))
    home = repository.folder / layout.artifact_folder(wanted.group, wanted.artifact)
    with writing(home), _locked(home):
        there = repository.find(wanted)
        if there is not None and there.sha256 == sums.sha256:
            return _again(repository, there, known, stamp)
        if is_snapshot(wanted.version):
            _put_snapshot(repository.folder, file, wanted, sums, known, stamp)
        elif there is not None:
            raise Conflict(
                f"{wanted} exists with other content ({there.sha256.short}…, "
                f"this is {sums.sha256.short}…); a release never changes",
                where=there.location,
                hint="publish it under a new version",
            )
        else:
            _put(repository.folder, file, wanted, layout.file_name(wanted), sums, known)
        _list_version(repository.folder, wanted, stamp)
    found = repository.find(wanted)
    assert found is not None
    return Published(found, created=True)


def _again(
    repository: FolderRepository, there: Artifact, commit: str | None, stamp: str
) -> Published:
    """The same bytes once more: complete what an earlier, ended run may have left out."""
    if commit and there.commit and not _same_commit(commit, there.commit):
        raise Conflict(
            f"{there.coordinates} is there with commit {there.commit}, not {commit}",
            where=there.location,
            hint="leave out --commit, or publish a new version",
        )
    if commit and not there.commit:
        path = Path(there.location)
        _write(path.with_name(f"{path.name}.{layout.COMMIT}"), (commit + "\n").encode())
        there = replace(there, commit=commit)
    _list_version(repository.folder, there.coordinates, stamp)
    return Published(there, created=False)


def _own_coordinates(file: Path) -> Coordinates:
    found = coordinates_in(file)
    if len(found) == 1:
        return found[0]
    # A fat JAR holds those of its libraries too: its own artifact begins the file's name.
    own = [each for each in found if file.name == layout.file_name(each)]
    if len(own) == 1:
        return own[0]
    why = "several coordinates: " + ", ".join(map(str, found)) if found else "no coordinates"
    raise UsageFault(
        f"{file.name} names {why}", where=str(file), hint="add --coordinates group:artifact:version"
    )


def _agreed_commit(file: Path, given: str | None) -> str | None:
    inside = commit_in(file)
    if given and inside and not _same_commit(given, inside):
        raise UsageFault(
            f"{file.name} was built from commit {inside}, not {given}",
            where=str(file),
            hint="leave out --commit, or build the file from that commit",
        )
    return inside if inside and len(inside) >= len(given or "") else given


def _same_commit(one: str, other: str) -> bool:
    """Equal, or one is the other's abbreviation."""
    return one.startswith(other) or other.startswith(one)


def _put_snapshot(
    root: Path, file: Path, coordinates: Coordinates, sums: Sums, commit: str | None, stamp: str
) -> None:
    folder = root / layout.version_folder(coordinates)
    before = _read_metadata(folder)
    value = metadata.snapshot_version(coordinates.version, stamp, before.build_number + 1)
    new = [
        SnapshotFile(layout.extension(coordinates.packaging), coordinates.classifier, value, stamp)
    ]
    if _put(root, file, coordinates, layout.file_name(coordinates, value), sums, commit):
        new.append(SnapshotFile("pom", "", value, stamp))
    text = metadata.with_snapshot(
        before, coordinates.group, coordinates.artifact, coordinates.version, tuple(new)
    )
    _write_with_sums(folder / layout.METADATA, text.encode())


def _put(
    root: Path, file: Path, coordinates: Coordinates, name: str, sums: Sums, commit: str | None
) -> bool:
    """Write the file and what stands beside it. True when its pom.xml could be written too."""
    target = root / layout.version_folder(coordinates) / name
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target.with_name(f"{name}.sha256"), sums.sha256.hex.encode())
    for algorithm, value in sums.others.items():
        _write(target.with_name(f"{name}.{algorithm}"), value.encode())
    if commit:
        _write(target.with_name(f"{name}.{layout.COMMIT}"), (commit + "\n").encode())
    pom = pom_in(file, coordinates)
    if pom is not None:
        ending = layout.extension(coordinates.packaging)
        stem = name.removesuffix("." + ending).removesuffix("-" + coordinates.classifier)
        _write_with_sums(target.with_name(f"{stem}.pom"), pom)
    with replacing(target) as temporary, file.open("rb") as source, temporary.open("wb") as copy:
        while piece := source.read(PIECE):
            copy.write(piece)
        copy.flush()
        os.fsync(copy.fileno())
    return pom is not None


def _list_version(root: Path, coordinates: Coordinates, stamp: str) -> None:
    folder = root / layout.artifact_folder(coordinates.group, coordinates.artifact)
    before = _read_metadata(folder)
    if coordinates.version not in before.versions:
        text = metadata.with_version(
            before, coordinates.group, coordinates.artifact, coordinates.version, stamp
        )
        _write_with_sums(folder / layout.METADATA, text.encode())


def _read_metadata(folder: Path) -> metadata.Metadata:
    path = folder / layout.METADATA
    return (
        metadata.parse(path.read_text(encoding="utf-8")) if path.is_file() else metadata.Metadata()
    )


def _write_with_sums(path: Path, data: bytes) -> None:
    import hashlib

    for algorithm in ("sha1", "md5"):
        value = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
        _write(path.with_name(f"{path.name}.{algorithm}"), value.encode())
    _write(path, data)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One publisher at a time for one artifact; the kernel gives the lock back whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        for left in folder.glob("**/.*.tmp"):
            left.unlink(missing_ok=True)
        yield
    finally:
        os.close(handle)
