"""What a binary repository can be asked. One file per kind in `kinds/` answers it.

`path` is always relative to the repository, with `/`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from provisimus.artifacts.checksums import Sums
from provisimus.model import Artifact, Coordinates


class Repository(Protocol):
    """A repository as provisimus.yaml declares it under `artifacts:`."""

    @property
    def name(self) -> str: ...

    @property
    def location(self) -> str: ...

    def artifacts(self) -> tuple[tuple[str, str], ...] | None:
        """Every (group, artifact) in it; None where the kind cannot be listed."""
        ...

    def versions(self, group: str, artifact: str) -> tuple[str, ...]:
        """The versions that exist, in no order; empty for an unknown artifact."""
        ...

    def find(self, coordinates: Coordinates) -> Artifact | None:
        """The file of these coordinates; None when it is not here. Raises ChecksumMismatch."""
        ...

    def read(self, artifact: Artifact) -> Iterator[bytes]:
        """The bytes of the file, unverified, in pieces."""
        ...

    def local_path(self, artifact: Artifact) -> AbstractContextManager[Path]:
        """The file as a path for as long as the block lasts, unverified."""
        ...

    def path_of(self, artifact: Artifact) -> str:
        """Where in the repository the file of an artifact stands."""
        ...

    def text(self, path: str) -> str | None:
        """A small file, such as metadata; None when it is not there."""
        ...

    def write(self, path: str, data: bytes) -> None:
        """Put or replace a small file; readers see the old one or the new one."""
        ...

    def put(
        self, path: str, file: Path, sums: Sums, beside: Mapping[str, bytes], *, replace: bool
    ) -> bool:
        """Put a file, whole or not at all, and what stands beside it (`beside`, by suffix).

        False without `replace` when something stands there already; nothing is changed then.
        """
        ...

    def exclusively(self, group: str, artifact: str) -> AbstractContextManager[None]:
        """One publisher at a time for one artifact, as far as the kind can hold others off."""
        ...
