"""What a binary repository can be asked. One file per kind in `kinds/` answers it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from provisimus.model import Artifact, Coordinates


class Repository(Protocol):
    """A repository as provisimus.yaml declares it under `artifacts:`."""

    @property
    def name(self) -> str: ...

    @property
    def location(self) -> str: ...

    def artifacts(self) -> tuple[tuple[str, str], ...]:
        """Every (group, artifact) in it; empty where the kind cannot be listed."""
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
