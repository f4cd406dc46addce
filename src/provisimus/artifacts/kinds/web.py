"""A Maven repository over HTTP(S), for reading: Artifactory, Nexus, Reposilite, any web server.

User and password may stand in the address as `https://user:${PASSWORD}@…` does after expansion;
a token goes into the environment's own netrc file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.artifacts.archives import commit_in
from provisimus.artifacts.checksums import PIECE, first_word
from provisimus.artifacts.maven import layout, metadata
from provisimus.artifacts.maven.versions import is_snapshot
from provisimus.errors import ProvisimusError
from provisimus.files import writing
from provisimus.model import Artifact, Coordinates, Digest

if TYPE_CHECKING:
    from provisimus.http import httpx


def matches(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def open_repository(name: str, location: str, root: Path) -> WebRepository:  # noqa: ARG001
    return WebRepository(name, location.rstrip("/") + "/")


@dataclass(frozen=True)
class WebRepository:
    """`location` ends in a slash."""

    name: str
    location: str

    def artifacts(self) -> tuple[tuple[str, str], ...]:
        return ()

    def versions(self, group: str, artifact: str) -> tuple[str, ...]:
        text = self._text(f"{layout.artifact_folder(group, artifact)}/{layout.METADATA}")
        return metadata.parse(text).versions if text else ()

    def find(self, coordinates: Coordinates) -> Artifact | None:
        from provisimus.http import send

        path = self._path(coordinates)
        answer = send(self._client, "HEAD", path)
        if answer.status_code == 404:
            return None
        self._check(answer)
        promised = answer.headers.get("x-checksum-sha256") or first_word(
            self._text(f"{path}.sha256") or ""
        )
        commit = first_word(self._text(f"{path}.{layout.COMMIT}") or "") or None
        if len(promised) == 64 and commit:
            size = int(answer.headers.get("content-length") or 0)
            return Artifact(
                coordinates, self.name, self.location + path, Digest(promised), size, commit
            )
        return self._downloaded(coordinates, path, promised, commit)

    def read(self, artifact: Artifact) -> Iterator[bytes]:
        from provisimus.http import reaching

        path = artifact.location.removeprefix(self.location)
        with reaching(self.location), self._client.stream("GET", path) as answer:
            self._check(answer)
            yield from answer.iter_bytes(PIECE)

    @contextmanager
    def local_path(self, artifact: Artifact) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="provisimus-artifact-") as folder:
            path = Path(folder) / artifact.location.rpartition("/")[2]
            with writing(path), path.open("wb") as file:
                for piece in self.read(artifact):
                    file.write(piece)
            yield path

    @cached_property
    def _client(self) -> httpx.Client:
        from provisimus.http import new_client

        return new_client(self.location)

    def _downloaded(
        self, coordinates: Coordinates, path: str, promised: str, commit: str | None
    ) -> Artifact:
        """What no header and no file beside it tells is read from the artifact itself."""
        from provisimus.artifacts.checksums import mismatch, sums_of

        place = self.location + path
        unread = Artifact(coordinates, self.name, place, Digest("0" * 64), 0)
        with self.local_path(unread) as file:
            algorithm, expected = "sha256", promised
            for weaker in () if promised else layout.CHECKSUMS[1:]:
                algorithm, expected = weaker, first_word(self._text(f"{path}.{weaker}") or "")
                if expected:
                    break
            sums = sums_of(file, [algorithm])
            if expected and sums.others[algorithm] != expected:
                raise mismatch(algorithm.upper(), expected, sums.others[algorithm], place)
            found = commit or commit_in(file)
        return Artifact(coordinates, self.name, place, sums.sha256, sums.size, found)

    def _path(self, coordinates: Coordinates) -> str:
        folder = layout.version_folder(coordinates)
        version = None
        if is_snapshot(coordinates.version):
            text = self._text(f"{folder}/{layout.METADATA}")
            extension = layout.extension(coordinates.packaging)
            version = (
                metadata.parse(text).snapshot_value(extension, coordinates.classifier)
                if text
                else None
            )
        return f"{folder}/{layout.file_name(coordinates, version)}"

    def _text(self, path: str) -> str | None:
        from provisimus.http import send

        answer = send(self._client, "GET", path)
        if answer.status_code == 404:
            return None
        self._check(answer)
        text: str = answer.text
        return text

    def _check(self, answer: Any) -> None:
        if answer.status_code >= 400:
            hint = "the repository wants credentials" if answer.status_code in (401, 403) else None
            raise ProvisimusError(
                f"binary repository {self.name} answered {answer.status_code} "
                f"{answer.reason_phrase}",
                where=str(answer.request.url.copy_with(userinfo=b"")),
                hint=hint,
            )
