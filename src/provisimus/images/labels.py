"""The labels of an image: OCI's annotations and ours. Pure.

They are in the configuration, where every Docker client sees them, and in the manifest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from provisimus.images.documents import Base, timestamp
from provisimus.model import UNKNOWN, Artifact, Digest

OCI = "org.opencontainers.image."
FINGERPRINT = "provisimus.fingerprint"
ARTIFACT = "provisimus.artifact"
ARTIFACT_SHA256 = "provisimus.artifact.sha256"
ARTIFACT_COMMIT = "provisimus.artifact.commit"
PREFIX_OF = "provisimus.prefix"
DOCKER_COMMIT = "provisimus.commit.docker"
VARIANT_OF = "provisimus.variant-of"


@dataclass(frozen=True)
class Lineage:
    """Where an image comes from. `created` in seconds since the epoch, 0 when unknown."""

    source: str
    revision: str
    created: int
    docker_commit: str


def image_labels(
    name: str,
    version: str,
    fingerprint: Digest,
    lineage: Lineage,
    base: Base,
    artifact: Artifact | None,
    own: Mapping[str, str],
    variant_of: str | None = None,
) -> dict[str, str]:
    """All labels of an image; its manifest's own (`labels:`) go first, ours cannot be replaced."""
    labels = {
        **own,
        OCI + "title": name,
        OCI + "version": version,
        OCI + "revision": lineage.revision,
        OCI + "source": lineage.source,
        OCI + "created": timestamp(lineage.created),
        FINGERPRINT: str(fingerprint),
        DOCKER_COMMIT: lineage.docker_commit,
    }
    if variant_of is not None:
        labels[VARIANT_OF] = variant_of
    if base.digest is not None:
        labels[OCI + "base.name"] = base.reference
        labels[OCI + "base.digest"] = str(base.digest)
    if artifact is not None:
        labels[ARTIFACT] = str(artifact.coordinates)
        labels[ARTIFACT_SHA256] = artifact.sha256.hex
        labels[ARTIFACT_COMMIT] = artifact.commit or UNKNOWN
    return labels
