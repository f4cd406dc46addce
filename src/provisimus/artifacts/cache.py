"""Files and facts that were fetched once, under .provisimus/cache/artifacts. Lost, they cost time.

Files stand under their SHA-256 and are verified while they come in, so nothing half or wrong is
ever in here. What nobody asked for in a month is removed when something new comes.
"""

from __future__ import annotations

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from provisimus.artifacts.checksums import Summing, Sums, pieces, verified
from provisimus.files import writing
from provisimus.model import Digest, fingerprint

UNUSED = 30 * 86400
"""Seconds after which a file that nobody asked for is removed."""


@dataclass(frozen=True)
class Cache:
    folder: Path

    def path(self, digest: Digest) -> Path | None:
        """The file with this checksum, when it is here."""
        path = self.folder / "sha256" / digest.hex
        with suppress(OSError):
            os.utime(path)
            return path
        return None

    def pieces(self, digest: Digest, size: int) -> Iterator[bytes] | None:
        """The bytes of that file, when it is here and as long as it should be."""
        path = self.path(digest)
        return pieces(path) if path is not None and path.stat().st_size == size else None

    def fetch(self, digest: Digest, stream: Iterable[bytes], where: str) -> Path:
        """The file with this checksum, read from `stream` unless here. Raises ChecksumMismatch."""
        known = self.path(digest)
        if known is not None:
            return known
        with self._incoming() as temporary:
            with writing(temporary), temporary.open("wb") as file:
                for piece in verified(stream, digest, where):
                    file.write(piece)
            return self._keep(temporary, digest)

    def take(self, stream: Iterable[bytes], algorithms: Iterable[str] = ()) -> tuple[Path, Sums]:
        """A file whose checksum nobody promised: kept under the one that it has."""
        with self._incoming() as temporary:
            summing = Summing(algorithms)
            with writing(temporary), temporary.open("wb") as file:
                for piece in stream:
                    summing.update(piece)
                    file.write(piece)
            sums = summing.result()
            return self._keep(temporary, sums.sha256), sums

    def facts(self, key: Mapping[str, object]) -> dict[str, object]:
        """What was written down under this key; empty when nothing was."""
        try:
            found = json.loads(self._facts(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def remember(self, key: Mapping[str, object], facts: Mapping[str, object]) -> None:
        place = self._facts(key)
        temporary = place.with_name(f".{place.name}.{uuid.uuid4().hex[:8]}")
        with suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_text(json.dumps(facts), encoding="utf-8")
            temporary.replace(place)

    def _facts(self, key: Mapping[str, object]) -> Path:
        return self.folder / "facts" / f"{fingerprint(key).hex}.json"

    @contextmanager
    def _incoming(self) -> Iterator[Path]:
        folder = self.folder / "incoming"
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / uuid.uuid4().hex
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)

    def _keep(self, temporary: Path, digest: Digest) -> Path:
        target = self.folder / "sha256" / digest.hex
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        self._prune()
        return target

    def _prune(self) -> None:
        limit = time.time() - UNUSED
        for name in ("sha256", "incoming", "facts"):
            for each in (self.folder / name).glob("*"):
                with suppress(OSError):
                    if each.stat().st_mtime < limit:
                        each.unlink()
        for each in (self.folder / "trees").glob("*"):
            with suppress(OSError):
                if each.stat().st_mtime < limit:
                    shutil.rmtree(each, ignore_errors=True)
