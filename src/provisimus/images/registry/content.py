"""What a registry holds: media types, manifests, blobs, descriptors. Values only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from provisimus.model import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = f"{OCI_MANIFEST}, {DOCKER_MANIFEST}, {OCI_INDEX}, {DOCKER_LIST}"


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry has it; `body` are its exact bytes."""

    digest: Digest
    media_type: str
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Blob:
    """A blob that is in the registry; `size` in bytes."""

    digest: Digest
    size: int


@dataclass(frozen=True)
class Known:
    """Bytes whose digest is known before they go out: a file, memory, another registry's blob.

    `read` gives them from an offset on, so that an upload that broke off goes on from there.
    """

    digest: Digest
    size: int
    read: Callable[[int], Iterable[bytes]]

    @classmethod
    def of(cls, data: bytes) -> Known:
        return cls(Digest.of(data), len(data), lambda offset: [data[offset:]])


@dataclass(frozen=True)
class Descriptor:
    """What points at content (OCI image specification, "Content Descriptors")."""

    media_type: str
    digest: Digest
    size: int
    artifact_type: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Descriptor:
        """Raises ValueError, KeyError, TypeError for what is none."""
        return cls(
            str(data["mediaType"]),
            Digest.parse(data["digest"]),
            int(data["size"]),
            str(data.get("artifactType") or ""),
            dict(data.get("annotations") or {}),
        )

    def as_json(self) -> dict[str, Any]:
        return {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
            **({"artifactType": self.artifact_type} if self.artifact_type else {}),
            **({"annotations": dict(self.annotations)} if self.annotations else {}),
        }
