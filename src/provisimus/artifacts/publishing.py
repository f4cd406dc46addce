"""`artifact publish`: a file into a binary repository, whole or not at all.

The order makes it safe to end at any point: the file by one step with what stands beside it, then
its POM, the metadata last. The next run completes what is missing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from provisimus.artifacts.archives import check_archive, commit_in, coordinates_in, pom_in
from provisimus.artifacts.checksums import Sums, sums_of
from provisimus.artifacts.interface import Repository
from provisimus.artifacts.maven import layout, metadata
from provisimus.artifacts.maven.metadata import SnapshotFile
from provisimus.artifacts.maven.versions import is_snapshot
from provisimus.errors import Conflict, NotFound, ProvisimusError, UsageFault
from provisimus.model import Artifact, Coordinates

LOOKS = 3
"""How often the list of versions is read again after it was written."""


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
    origin: str | None = None,
    now: float | None = None,
) -> Published:
    """Put a file into a repository with checksums, commit and metadata.

    Coordinates and commit are read from the file when not given. `origin` says where the file was
    taken from, when it was not built here. `now` in seconds since the epoch.
    Raises NotFound, CorruptArtifact, UsageFault (unknown or contradicting coordinates or commit),
    Conflict (a release that exists with other bytes).
    """
    if file.is_dir():
        raise UsageFault(f"{file} is a folder", hint="an artifact is one file: pack it first")
    if not file.is_file():
        raise NotFound(f"there is no file {file}", hint="build it first; is the path right?")
    check_archive(file)
    wanted = coordinates or _own_coordinates(file)
    if not file.name.lower().endswith(f".{layout.extension(wanted.packaging)}"):
        check_archive(file, layout.file_name(wanted))
    if layout.base_version(wanted.version) != wanted.version:
        raise UsageFault(
            f"{wanted} names one file of a SNAPSHOT, and the repository gives it its time stamp",
            hint=f"publish {layout.base_version(wanted.version)}",
        )
    known = _agreed_commit(file, commit)
    sums = sums_of(file, ["sha1", "md5"])
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() if now is None else now))
    with repository.exclusively(wanted.group, wanted.artifact):
        there = repository.find(wanted)
        new = _New(repository, file, wanted, sums, _beside(sums, known, origin), stamp)
        if there is not None and there.sha256 == sums.sha256:
            return _again(new, there, known)
        if is_snapshot(wanted.version):
            _put_snapshot(new)
        elif there is not None or not _put(new, layout.file_name(wanted), replace=False):
            # Somebody may have been faster; the same bytes are as good as ours.
            there = there or repository.find(wanted)
            if there is None or there.sha256 != sums.sha256:
                raise _conflict(repository, wanted, there, sums)
            return _again(new, there, known)
        _list_version(repository, wanted, stamp)
    found = repository.find(wanted)
    if found is None or found.sha256 != sums.sha256:
        # A repository that cannot hold anybody off: somebody else was there at the same moment.
        raise (Conflict if found else ProvisimusError)(
            f"{repository.name} took {wanted} and now has "
            + ("other bytes" if found else "nothing under this name"),
            where=repository.location,
            hint="does somebody else publish it? run it again",
        )
    return Published(found, created=True)


@dataclass(frozen=True)
class _New:
    """A file on its way; `beside` by suffix, `stamp` in Maven's form."""

    repository: Repository
    file: Path
    coordinates: Coordinates
    sums: Sums
    beside: Mapping[str, bytes]
    stamp: str


def _beside(sums: Sums, commit: str | None, origin: str | None) -> dict[str, bytes]:
    found = {"sha256": sums.sha256.hex.encode()}
    found |= {name: value.encode() for name, value in sums.others.items()}
    found |= {layout.COMMIT: f"{commit}\n".encode()} if commit else {}
    return found | ({layout.ORIGIN: f"{origin}\n".encode()} if origin else {})


def _conflict(
    repository: Repository, wanted: Coordinates, there: Artifact | None, sums: Sums
) -> Conflict:
    exists = f"{there.sha256.short}…, " if there else ""
    return Conflict(
        f"{wanted} exists with other content ({exists}this is {sums.sha256.short}…); "
        "a release never changes",
        where=there.location if there else repository.location,
        hint="publish it under a new version",
    )


def _again(new: _New, there: Artifact, commit: str | None) -> Published:
    """The same bytes once more: complete what an earlier, ended run may have left out."""
    if commit and there.commit and not _same_commit(commit, there.commit):
        raise Conflict(
            f"{there.coordinates} is there with commit {there.commit}, not {commit}",
            where=there.location,
            hint="leave out --commit, or publish a new version",
        )
    path = new.repository.path_of(there)
    for suffix, data in new.beside.items():
        if new.repository.text(f"{path}.{suffix}") is None:
            new.repository.write(f"{path}.{suffix}", data)
    _put_pom(new, path)
    _list_version(new.repository, new.coordinates, new.stamp)
    return Published(replace(there, commit=there.commit or commit), created=False)


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


def _put_snapshot(new: _New) -> None:
    wanted, repository = new.coordinates, new.repository
    folder = layout.version_folder(wanted)
    before = _read_metadata(repository, folder)
    value = metadata.snapshot_version(wanted.version, new.stamp, before.build_number + 1)
    own = SnapshotFile(layout.extension(wanted.packaging), wanted.classifier, value, new.stamp)
    _put(new, layout.file_name(wanted, value), replace=True)
    files = (own, SnapshotFile("pom", "", value, new.stamp)) if _pom(new) else (own,)
    text = metadata.with_snapshot(before, wanted.group, wanted.artifact, wanted.version, files)
    _write_with_sums(repository, f"{folder}/{layout.METADATA}", text.encode())


def _put(new: _New, name: str, *, replace: bool) -> bool:
    """The file, what stands beside it, and its POM where the file holds one."""
    path = f"{layout.version_folder(new.coordinates)}/{name}"
    if not new.repository.put(path, new.file, new.sums, new.beside, replace=replace):
        return False
    _put_pom(new, path)
    return True


def _put_pom(new: _New, path: str) -> None:
    data = _pom(new)
    if data is not None:
        ending = "." + layout.extension(new.coordinates.packaging)
        stem = path.removesuffix(ending).removesuffix("-" + new.coordinates.classifier)
        if new.repository.text(f"{stem}.pom") is None:
            _write_with_sums(new.repository, f"{stem}.pom", data)


def _pom(new: _New) -> bytes | None:
    return pom_in(new.file, new.coordinates)


def _list_version(repository: Repository, coordinates: Coordinates, stamp: str) -> None:
    folder = layout.artifact_folder(coordinates.group, coordinates.artifact)
    # Where nobody can be held off, another publisher may write between our reading and writing.
    for _ in range(LOOKS):
        before = _read_metadata(repository, folder)
        if coordinates.version in before.versions:
            return
        text = metadata.with_version(
            before, coordinates.group, coordinates.artifact, coordinates.version, stamp
        )
        _write_with_sums(repository, f"{folder}/{layout.METADATA}", text.encode())


def _read_metadata(repository: Repository, folder: str) -> metadata.Metadata:
    return metadata.parse(repository.text(f"{folder}/{layout.METADATA}") or "")


def _write_with_sums(repository: Repository, path: str, data: bytes) -> None:
    import hashlib

    # The file first: Artifactory refuses the checksum of a file that it does not have.
    repository.write(path, data)
    for algorithm in ("sha1", "md5"):
        value = hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()
        repository.write(f"{path}.{algorithm}", value.encode())
