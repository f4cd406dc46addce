"""A Maven repository on a server of whatever protocol: a Store says how files go to and fro.

What was worked out of a file is remembered by the tag that the server gives it, so a second look
costs one question.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from provisimus.artifacts.archives import ZIPS, check_whole, commit_in
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import Sums, first_word, mismatch, pieces, verified
from provisimus.artifacts.maven import layout, metadata
from provisimus.artifacts.maven.versions import is_snapshot
from provisimus.errors import ProvisimusError
from provisimus.model import Artifact, Coordinates, Digest


@dataclass(frozen=True)
class About:
    """What a server says of a file without sending it.

    `size` is None when it does not say; `sums` by hashlib's names; `tag` is another one whenever
    the content is, or empty.
    """

    size: int | None
    sums: Mapping[str, str] = field(default_factory=dict)
    tag: str = ""


Body = Callable[[], Iterator[bytes]]


class Store(Protocol):
    """Files on a server, by path. None is "not there"; anything else that is wrong is raised."""

    def about(self, path: str) -> About | None: ...

    def text(self, path: str) -> str | None: ...

    def pieces(self, path: str) -> Iterator[bytes]: ...

    def put(self, path: str, body: Body, sums: Sums, *, replace: bool) -> bool:
        """False without `replace` when something is there."""
        ...

    def artifacts(self) -> tuple[tuple[str, str], ...] | None: ...


@dataclass(frozen=True)
class RemoteRepository:
    """`location` ends in a slash."""

    name: str
    location: str
    store: Store
    cache: Cache

    def artifacts(self) -> tuple[tuple[str, str], ...] | None:
        return self.store.artifacts()

    def versions(self, group: str, artifact: str) -> tuple[str, ...]:
        return self._metadata(layout.artifact_folder(group, artifact)).versions

    def find(self, coordinates: Coordinates) -> Artifact | None:
        path = self._path(coordinates)
        about = self.store.about(path)
        if about is None:
            return None
        place = self.location + path
        key = {"place": place, "tag": about.tag, "size": about.size}
        known = self.cache.facts(key) if about.tag else {}
        digest = _digest(str(known.get("sha256") or "")) or self._promised(path, about)
        commit = str(known.get("commit") or "") or self._beside(path, layout.COMMIT)
        looked_into = bool(known.get("looked_into"))
        size = about.size
        silent = commit is None and not looked_into and path.endswith(ZIPS)
        if digest is None or size is None or silent:
            digest, file = self._fetch(path, about, digest)
            check_whole(file, path.rpartition("/")[2], place)
            commit = commit or commit_in(file)
            size = file.stat().st_size
            looked_into = True
        if about.tag:
            facts = {"sha256": digest.hex, "commit": commit, "looked_into": looked_into}
            self.cache.remember(key, facts)
        return Artifact(coordinates, self.name, place, digest, size, commit)

    def read(self, artifact: Artifact) -> Iterator[bytes]:
        known = self.cache.pieces(artifact.sha256, artifact.size)
        yield from known or self.store.pieces(self.path_of(artifact))

    @contextmanager
    def local_path(self, artifact: Artifact) -> Iterator[Path]:
        stream = self.store.pieces(self.path_of(artifact))
        yield self.cache.fetch(artifact.sha256, stream, artifact.location)

    def path_of(self, artifact: Artifact) -> str:
        return artifact.location.removeprefix(self.location)

    def text(self, path: str) -> str | None:
        return self.store.text(path)

    def write(self, path: str, data: bytes) -> None:
        self.store.put(path, lambda: iter((data,)), _sums(data), replace=True)

    def put(
        self, path: str, file: Path, sums: Sums, beside: Mapping[str, bytes], *, replace: bool
    ) -> bool:
        # The file first: Artifactory refuses the checksum of a file that it does not have.
        # Verified once more on its way: who changes the file meanwhile breaks the upload off.
        def body() -> Iterator[bytes]:
            return verified(pieces(file), sums.sha256, str(file))

        if not self.store.put(path, body, sums, replace=replace):
            return False
        for suffix, data in beside.items():
            self.write(f"{path}.{suffix}", data)
        return True

    @contextmanager
    def exclusively(self, group: str, artifact: str) -> Iterator[None]:  # noqa: ARG002
        """A server holds nobody off; who publishes looks again at what was written."""
        yield

    def _path(self, coordinates: Coordinates) -> str:
        folder = layout.version_folder(coordinates)
        version = None
        if is_snapshot(coordinates.version):
            extension = layout.extension(coordinates.packaging)
            version = self._metadata(folder).snapshot_value(extension, coordinates.classifier)
        return f"{folder}/{layout.file_name(coordinates, version)}"

    def _metadata(self, folder: str) -> metadata.Metadata:
        """Empty where there is none. Raises ProvisimusError for one that cannot be read."""
        path = f"{folder}/{layout.METADATA}"
        text = self.store.text(path)
        if text and not metadata.is_whole(text):
            raise ProvisimusError(
                f"the {layout.METADATA} of binary repository {self.name} cannot be read",
                where=self.location + path,
                hint="a page that wants a login, or damaged: have the repository rebuild it",
            )
        return metadata.parse(text) if text else metadata.Metadata()

    def _promised(self, path: str, about: About) -> Digest | None:
        return _digest(about.sums.get("sha256", "")) or _digest(self._beside(path, "sha256") or "")

    def _fetch(self, path: str, about: About, digest: Digest | None) -> tuple[Digest, Path]:
        """The file itself. Without a promised SHA-256 the strongest sum there is must agree."""
        place = self.location + path
        if digest is not None:
            return digest, self.cache.fetch(digest, self.store.pieces(path), place)
        algorithm, expected = "sha256", ""
        for algorithm in layout.CHECKSUMS[1:]:
            expected = about.sums.get(algorithm) or self._beside(path, algorithm) or ""
            if expected:
                break
        file, sums = self.cache.take(self.store.pieces(path), [algorithm])
        if expected and sums.others[algorithm] != expected.lower():
            raise mismatch(algorithm.upper(), expected, sums.others[algorithm], place)
        if about.size is not None and sums.size != about.size:
            raise ProvisimusError(
                f"{place} has {sums.size:,} bytes, the server announced {about.size:,}",
                hint="run it again",
            )
        return sums.sha256, file

    def _beside(self, path: str, suffix: str) -> str | None:
        """The word in a file beside another; None for what can be neither checksum nor commit.

        Some servers answer with a page where there is nothing.
        """
        word = first_word(self.store.text(f"{path}.{suffix}") or "")
        return word if re.fullmatch(r"[0-9a-z._-]{4,128}", word) else None


def _digest(text: str) -> Digest | None:
    try:
        return Digest(text.lower())
    except ValueError:
        return None


def _sums(data: bytes) -> Sums:
    from provisimus.artifacts.checksums import Summing

    summing = Summing(("sha1", "md5"))
    summing.update(data)
    return summing.result()
