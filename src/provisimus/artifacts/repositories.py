"""The binary repositories of a workspace, asked in the order of provisimus.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.artifacts import kinds, vendor
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import mismatch, pieces, sums_of, verified
from provisimus.artifacts.interface import Repository
from provisimus.artifacts.maven import layout
from provisimus.artifacts.maven.versions import in_order, is_snapshot, nearest
from provisimus.errors import NotFound, UsageFault
from provisimus.model import Artifact, Coordinates, Digest, VendorFile

if TYPE_CHECKING:
    from provisimus.artifacts.trees import UnpackedTree
    from provisimus.workspace import Workspace

SHOWN = 10
"""How many existing versions an error names."""


@dataclass(frozen=True)
class Repositories:
    """The first repository that has the file gives it."""

    each: tuple[Repository, ...]
    cache: Cache | None = None

    def named(self, name: str) -> Repository:
        for repository in self.each:
            if repository.name == name:
                return repository
        known = ", ".join(repository.name for repository in self.each) or "none"
        raise UsageFault(f"there is no binary repository {name!r}", hint=f"known: {known}")

    def resolve(self, coordinates: Coordinates) -> Artifact:
        """The file of these coordinates. Raises NotFound (with what exists), ChecksumMismatch."""
        for repository in self.each:
            found = repository.find(coordinates)
            if found is not None:
                return found
        raise self._unknown(coordinates)

    def pinned(self, coordinates: Coordinates) -> Coordinates:
        """For a SNAPSHOT the coordinates of the file that it is now, which `resolve` takes too.

        A release comes back as it is, unasked. Raises NotFound, ChecksumMismatch.
        """
        if not is_snapshot(coordinates.version):
            return coordinates
        return layout.pinned(coordinates, self.resolve(coordinates).location)

    def versions(self, group: str, artifact: str) -> list[str]:
        """Those of all repositories, oldest first."""
        found: set[str] = set()
        for repository in self.each:
            found.update(repository.versions(group, artifact))
        return in_order(found)

    def artifacts(self) -> tuple[list[tuple[str, str]], list[str]]:
        """Every (group, artifact), and the names of the repositories that cannot be listed."""
        listed = {each.name: each.artifacts() for each in self.each}
        pairs = {pair for found in listed.values() for pair in found or ()}
        return sorted(pairs), [name for name, found in listed.items() if found is None]

    def read(self, artifact: Artifact) -> Iterator[bytes]:
        """The bytes in pieces, verified while they stream. Raises ChecksumMismatch at the end."""
        if artifact.repository == vendor.REPOSITORY:
            stream = pieces(self._fetched(artifact))
        else:
            stream = self.named(artifact.repository).read(artifact)
        return verified(stream, artifact.sha256, artifact.location)

    @contextmanager
    def open(self, artifact: Artifact) -> Iterator[Path]:
        """The verified file as a path for as long as the block lasts. Raises ChecksumMismatch."""
        if artifact.repository == vendor.REPOSITORY:
            place: AbstractContextManager[Path] = nullcontext(self._fetched(artifact))
        else:
            place = self.named(artifact.repository).local_path(artifact)
        with place as path:
            actual = sums_of(path).sha256
            if actual != artifact.sha256:
                raise mismatch("SHA-256", artifact.sha256.hex, actual.hex, artifact.location)
            yield path

    def origin(self, artifact: Artifact) -> str | None:
        """Where an imported artifact was taken from; None for one that was not imported."""
        repository = self.named(artifact.repository)
        text = repository.text(f"{repository.path_of(artifact)}.{layout.ORIGIN}")
        return text.strip() or None if text else None

    def fetch(self, url: str, sha256: Digest, version: str = "", *, anew: bool = False) -> Artifact:
        """A vendor's file by its address, from the vendor when it is not here yet, or `anew`.

        Raises UsageFault, ProvisimusError, Unreachable, ChecksumMismatch.
        """
        return vendor.fetch(self._cache, url, sha256, version, anew=anew)

    def tree(self, artifact: Artifact) -> UnpackedTree:
        """What is in an archive. Raises CorruptArtifact, UnsafeArchive, ChecksumMismatch."""
        from provisimus.artifacts.trees import unpacked

        return unpacked(
            self._cache, artifact, lambda: self.read(artifact), lambda: self.open(artifact)
        )

    @property
    def _cache(self) -> Cache:
        assert self.cache is not None, "opened without a cache"
        return self.cache

    def _fetched(self, artifact: Artifact) -> Path:
        assert isinstance(artifact.coordinates, VendorFile)
        found = self._cache.path(artifact.sha256)
        if found is None:
            # Nobody asked for it in a month, and somebody else swept up just now.
            self.fetch(artifact.coordinates.url, artifact.sha256)
            found = self._cache.path(artifact.sha256)
        assert found is not None
        return found

    def _unknown(self, coordinates: Coordinates) -> NotFound:
        name = f"{coordinates.group}:{coordinates.artifact}"
        where = ", ".join(f"{each.name} ({each.location})" for each in self.each)
        existing = self.versions(coordinates.group, coordinates.artifact)
        if coordinates.version in existing:
            wanted = layout.file_name(coordinates)
            return NotFound(
                f"version {coordinates.version} of {name} has no file {wanted}",
                where=where,
                hint="another packaging or classifier? write "
                "group:artifact:version:packaging[:classifier]",
            )
        if not existing:
            hint = (
                f"publish it: provisimus artifact publish FILE --coordinates {name}:VERSION; a "
                "vendor's: provisimus artifact import"
            )
            if is_snapshot(coordinates.version):
                hint += "; or deploy it again: no maven-metadata.xml names a file that is there"
            return NotFound(
                f"there is no artifact {name}",
                where=where or "no binary repository is declared in provisimus.yaml",
                hint=hint,
            )
        near = nearest(coordinates.version, existing)
        shown = ", ".join(existing[-SHOWN:])
        more = f" and {len(existing) - SHOWN} older" if len(existing) > SHOWN else ""
        return NotFound(
            f"there is no version {coordinates.version} of {name}; the nearest is {near}",
            where=where,
            hint=f"versions: {shown}{more}",
        )


def open_repositories(workspace: Workspace) -> Repositories:
    """The repositories declared under `artifacts:`. Nothing is asked of them yet."""
    declared = workspace.project.artifacts.items()
    cache = Cache(workspace.state / "cache" / "artifacts")
    return Repositories(
        tuple(
            kinds.open_repository(name, location, workspace.root, cache)
            for name, location in declared
        ),
        cache,
    )
