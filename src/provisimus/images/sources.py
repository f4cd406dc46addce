"""The artifacts of an image: from the sources in its manifest to entries of its context.

A file stands in the context under its own name; an unpacked archive is a folder there, so that COPY
takes it like any other. Reads binary repositories; asks no registry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.errors import InvalidDefinitions, Problem
from provisimus.images.context import ContextEntry
from provisimus.images.render import ArtifactValues
from provisimus.model import Artifact, Coordinates, Digest, VendorFile
from provisimus.workspace import marks
from provisimus.workspace.definitions.image import ImageManifest, Source

if TYPE_CHECKING:
    from provisimus.artifacts import Repositories


@dataclass(frozen=True)
class UsedArtifact:
    """One artifact of an image: what the template sees of it, and what it adds to the context."""

    artifact: Artifact
    values: ArtifactValues
    entries: tuple[ContextEntry, ...]


@dataclass(frozen=True)
class UsedArtifacts:
    """`main` is the image's source; `named` are its further artifacts."""

    main: UsedArtifact | None = None
    named: Mapping[str, UsedArtifact] = field(default_factory=dict)

    @property
    def each(self) -> Iterator[tuple[str, UsedArtifact]]:
        """With the key path in the manifest."""
        if self.main is not None:
            yield "source", self.main
        for name, used in self.named.items():
            yield f"artifacts/{name}", used

    def with_context(
        self, context: tuple[ContextEntry, ...], folder: Path
    ) -> tuple[ContextEntry, ...]:
        """The context and the artifacts in it. Raises InvalidDefinitions where names meet."""
        taken = {each.path.partition("/")[0]: str(folder / each.path) for each in context}
        out = list(context)
        for key, used in self.each:
            name = used.values.folder or used.values.file
            if name in taken:
                problem = Problem(
                    str(folder / "manifest.yaml"),
                    marks.read(folder / "manifest.yaml").line(tuple(key.split("/"))),
                    key,
                    f"the artifact is called {name} in the image's folder, and so is {taken[name]}",
                    "remove or rename the other: the artifact comes from where the manifest says",
                )
                raise InvalidDefinitions([problem])
            taken[name] = key
            out += used.entries
        return tuple(sorted(out, key=lambda each: each.path))


def read_sources(
    manifest: ImageManifest, version: str, repositories: Repositories
) -> UsedArtifacts:
    """Resolve every artifact of an image; vendors' files are fetched, archives unpacked.

    Raises NotFound, ChecksumMismatch, CorruptArtifact, UnsafeArchive, Unreachable.
    """
    main = _used(manifest.source, version, repositories) if manifest.source else None
    named = {}
    for name, source in sorted(manifest.artifacts.items()):
        used = _used(source, version, repositories)
        assert used is not None
        named[name] = used
    return UsedArtifacts(main, named)


def _used(source: Source, version: str, repositories: Repositories) -> UsedArtifact | None:
    if source.url and source.sha256:
        artifact = repositories.fetch(source.url, Digest(source.sha256), version)
    elif source.maven:
        from provisimus.artifacts.maven.layout import from_source

        artifact = repositories.resolve(from_source(source.maven, source.version or version))
    else:
        return None
    if source.unpack:
        return _as_folder(artifact, source, repositories)
    return _as_file(artifact, repositories)


def _as_file(artifact: Artifact, repositories: Repositories) -> UsedArtifact:
    name = _file_name(artifact.coordinates)
    entry = ContextEntry(
        name,
        "file",
        0o644,
        artifact.sha256.hex,
        artifact.size,
        pieces=lambda: repositories.read(artifact),
    )
    values = ArtifactValues(name, artifact.coordinates.version, artifact.sha256.hex)
    return UsedArtifact(artifact, values, (entry,))


def _as_folder(artifact: Artifact, source: Source, repositories: Repositories) -> UsedArtifact:
    from provisimus.artifacts.unpack import selected

    name = _folder_name(artifact.coordinates)
    tree = repositories.tree(artifact)
    chosen = selected(
        tree.entries,
        strip=source.strip or 0,
        include=source.include or (),
        exclude=source.exclude or (),
        where=artifact.location,
    )
    entries = [ContextEntry(name, "folder", 0o755)]
    for each in chosen:
        read = partial(tree.read, each) if each.kind == "file" else None
        path = f"{name}/{each.path}"
        entries.append(
            ContextEntry(
                path, each.kind, each.mode, each.digest, each.size, each.target, pieces=read
            )
        )
    values = ArtifactValues("", artifact.coordinates.version, artifact.sha256.hex, name)
    return UsedArtifact(artifact, values, tuple(entries))


def _file_name(coordinates: Coordinates | VendorFile) -> str:
    from provisimus.artifacts.maven.layout import file_name

    # Not the name it has in the repository: a SNAPSHOT's would change with every upload.
    return coordinates.file if isinstance(coordinates, VendorFile) else file_name(coordinates)


def _folder_name(coordinates: Coordinates | VendorFile) -> str:
    """Without version and ending: the template then stays as it is with the next version."""
    if isinstance(coordinates, Coordinates):
        return "-".join(part for part in (coordinates.artifact, coordinates.classifier) if part)
    from provisimus.artifacts.archives import TARS, ZIPS

    name = coordinates.file
    for ending in (".tar.bz2", ".tar.xz", *TARS, *ZIPS):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return f"{name}.d"
