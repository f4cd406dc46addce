"""A folder in Maven layout: what `mvn deploy -DaltDeploymentRepository=x::file://…` writes, what
a local repository holds, and what `artifact publish` writes."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import Sums, first_word, mismatch, pieces, sums_of, verified
from provisimus.artifacts.maven import layout
from provisimus.artifacts.maven.versions import is_snapshot
from provisimus.files import replacing, writing
from provisimus.model import Artifact, Coordinates, Digest

SETTLED = 2.0
"""Seconds after its last change from which on a file's time and size tell that it is the same."""


def matches(location: str) -> bool:
    return "://" not in location or location.startswith("file://")


def open_repository(name: str, location: str, root: Path, cache: Cache) -> FolderRepository:
    path = unquote(urlsplit(location).path) if location.startswith("file://") else location
    return FolderRepository(name, (root / Path(path).expanduser()).resolve(), cache)


@dataclass(frozen=True)
class FolderRepository:
    """`folder` need not exist yet: publishing makes it."""

    name: str
    folder: Path
    cache: Cache | None = None
    """Where it is remembered what was found in a file that did not change since."""

    @property
    def location(self) -> str:
        return str(self.folder)

    def artifacts(self) -> tuple[tuple[str, str], ...]:
        found = set()
        for path in self.folder.glob("**/*"):
            # group/…/artifact/version/artifact-version.ext
            if path.is_file() and path.name.startswith(f"{path.parent.parent.name}-"):
                relative = path.relative_to(self.folder).parts
                if len(relative) >= 4:
                    found.add((".".join(relative[:-3]), relative[-3]))
        return tuple(sorted(found))

    def versions(self, group: str, artifact: str) -> tuple[str, ...]:
        home = self.folder / layout.artifact_folder(group, artifact)
        if not home.is_dir():
            return ()
        # A version is there when a file of it is: metadata may be late, or lost.
        return tuple(
            each.name
            for each in sorted(home.iterdir())
            if each.is_dir() and any(map(_is_content, each.glob(f"{artifact}-*")))
        )

    def file_of(self, coordinates: Coordinates) -> Path | None:
        """The file of these coordinates, a SNAPSHOT's newest; None when there is none."""
        folder = self.folder / layout.version_folder(coordinates)
        for version in (self._snapshot_value(folder, coordinates), coordinates.version):
            if version is not None:
                path = folder / layout.file_name(coordinates, version)
                if path.is_file():
                    return path
        return None

    def find(self, coordinates: Coordinates) -> Artifact | None:
        path = self.file_of(coordinates)
        if path is None:
            return None
        about = path.stat()
        key = _unchanged(path, about)
        known = self.cache.facts(key) if self.cache else {}
        facts = dict(known)
        digest = _digest(_beside(path, "sha256")) or _digest(known.get("sha256"))
        if digest is None:
            # Nobody promises that these bytes are all of it.
            from provisimus.artifacts.archives import check_whole

            check_whole(path, path.name, str(path))
            digest = self._computed(path)
            facts["sha256"] = digest.hex
        commit = _beside(path, layout.COMMIT)
        if commit is None:
            if "commit" not in known:
                from provisimus.artifacts.archives import commit_in

                facts["commit"] = commit_in(path)
            commit = str(facts["commit"] or "") or None
        # What was written just now may be written once more without any of these changing.
        if self.cache and facts != known and about.st_ctime < time.time() - SETTLED:
            self.cache.remember(key, facts)
        return Artifact(coordinates, self.name, str(path), digest, about.st_size, commit)

    def read(self, artifact: Artifact) -> Iterator[bytes]:
        return pieces(Path(artifact.location))

    @contextmanager
    def local_path(self, artifact: Artifact) -> Iterator[Path]:
        yield Path(artifact.location)

    def path_of(self, artifact: Artifact) -> str:
        return Path(artifact.location).relative_to(self.folder).as_posix()

    def text(self, path: str) -> str | None:
        try:
            return (self.folder / path).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return None

    def write(self, path: str, data: bytes) -> None:
        target = self.folder / path
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            temporary.write_bytes(data)

    def put(
        self, path: str, file: Path, sums: Sums, beside: Mapping[str, bytes], *, replace: bool
    ) -> bool:
        """What stands beside it goes first: the file itself, by one step, says all is there."""
        target = self.folder / path
        if not replace and target.exists():
            return False
        for suffix, data in beside.items():
            self.write(f"{path}.{suffix}", data)
        with writing(target):
            target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary, temporary.open("wb") as copy:
            for piece in verified(pieces(file), sums.sha256, str(file)):
                copy.write(piece)
            copy.flush()
            os.fsync(copy.fileno())
        return True

    @contextmanager
    def exclusively(self, group: str, artifact: str) -> Iterator[None]:
        """The kernel gives the lock back whatever happens; what a killed run left is swept up."""
        folder = self.folder / layout.artifact_folder(group, artifact)
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for left in folder.glob("**/.*.tmp"):
                left.unlink(missing_ok=True)
            yield
        finally:
            os.close(handle)

    def _computed(self, path: Path) -> Digest:
        # `mvn deploy` writes SHA-1 and MD5 only: the strongest there is must agree.
        for algorithm in layout.CHECKSUMS[1:]:
            promised = _beside(path, algorithm)
            if promised:
                sums = sums_of(path, [algorithm])
                if sums.others[algorithm] != promised:
                    actual = sums.others[algorithm]
                    raise mismatch(algorithm.upper(), promised, actual, str(path))
                return sums.sha256
        return sums_of(path).sha256

    def _snapshot_value(self, folder: Path, coordinates: Coordinates) -> str | None:
        if not is_snapshot(coordinates.version):
            return None
        from provisimus.artifacts.maven import metadata

        extension = layout.extension(coordinates.packaging)
        for name in (layout.METADATA, layout.LOCAL_METADATA):
            if (folder / name).is_file():
                found = metadata.parse((folder / name).read_text(encoding="utf-8"))
                value = found.snapshot_value(extension, coordinates.classifier)
                if value:
                    return value
        return None


def _is_content(path: Path) -> bool:
    """Not a file that only stands beside one: a killed publisher may have left it alone."""
    return path.suffix.removeprefix(".") not in (*layout.CHECKSUMS, layout.COMMIT, layout.ORIGIN)


def _unchanged(path: Path, about: os.stat_result) -> dict[str, object]:
    """What would not be the same of another file, or of this one after a change."""
    times = {"modified": about.st_mtime_ns, "changed": about.st_ctime_ns}
    return {"file": str(path), "size": about.st_size, "inode": about.st_ino, **times}


def _digest(text: object) -> Digest | None:
    return Digest(text) if isinstance(text, str) and len(text) == 64 else None


def _beside(path: Path, suffix: str) -> str | None:
    """The first word of a file beside the artifact, in lower case; None when it is not there."""
    try:
        text = path.with_name(f"{path.name}.{suffix}").read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    return first_word(text) or None
