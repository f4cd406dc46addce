"""The labels of an image: OCI's annotations and ours. Pure, but for `read_lineage`, which asks git.

They are in the configuration, where every Docker client sees them, and in the manifest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from provisimus.errors import ToolFailed, ToolMissing
from provisimus.images.documents import Base, timestamp
from provisimus.model import UNKNOWN, Artifact, Digest
from provisimus.process import run
from provisimus.workspace.commits import last_change

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


def read_lineage(
    folder: Path, repositories: Mapping[str, Path], artifact: Artifact | None
) -> Lineage:
    """The commits behind an image: the artifact's, else the last change of the image's folder."""
    change = last_change(folder)
    commit = artifact.commit if artifact else None
    at = change.time
    for repository in repositories.values() if commit else ():
        found = _time_of(repository, commit or "")
        if found:
            at = found
            break
    source = _remote(repositories["services"] if commit else folder)
    return Lineage(source, commit or change.commit, at, change.commit)


def without_credentials(url: str) -> str:
    """A Git remote's address without user and password; a path of this machine is not told."""
    if re.match(r"^(/|\.|file:)", url):
        return UNKNOWN
    return re.sub(r"^(\w+://)[^/@]*@", r"\1", url)


def _remote(folder: Path) -> str:
    try:
        found = run(["git", "remote", "get-url", "origin"], cwd=folder).stdout.strip()
    except (ToolFailed, ToolMissing):
        return UNKNOWN
    return without_credentials(found) if found else UNKNOWN


def _time_of(folder: Path, commit: str) -> int:
    try:
        answer = run(["git", "show", "-s", "--format=%ct", f"{commit}^{{commit}}"], cwd=folder)
        return int(answer.stdout.strip())
    except (ToolFailed, ToolMissing, ValueError):
        return 0
