"""Images that this machine has seen in a registry, whole, by digest: a digest's bytes never change.

So one question for a tag (HEAD) tells all about an image that is there, or that others stand on.
Lost, it costs two more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.caching import read_json, write_json
from provisimus.images.registry.content import OCI_MANIFEST, Manifest
from provisimus.model import ContainerImage, Digest, fingerprint

if TYPE_CHECKING:
    from pathlib import Path

VERSION = 1
"""Of what is remembered."""


def seen(cache: Path, repository: str, digest: Digest) -> ContainerImage | None:
    """The image of this digest, by `host:port/name`; None when it was not looked at before."""
    known = read_json(_place(cache, f"{repository}@{digest}"))
    try:
        if known is None:
            return None
        return ContainerImage(
            known["name"],
            known["version"],
            repository,
            digest,
            Digest.parse(known["fingerprint"]),
            dict(known["labels"]),
            tuple(known["ports"]),
        )
    except (KeyError, TypeError, ValueError):
        return None


def remember(cache: Path, image: ContainerImage) -> None:
    known = {
        "name": image.name,
        "version": image.version,
        "fingerprint": str(image.fingerprint),
        "labels": dict(image.labels),
        "ports": image.ports,
    }
    write_json(_place(cache, image.reference), known)


def seen_documents(cache: Path, digest: Digest) -> tuple[Manifest, bytes] | None:
    """The manifest of this digest and its configuration; None when they were not seen whole."""
    known = read_json(cache / "documents" / f"{digest.hex}.json")
    try:
        if known is None:
            return None
        body, config = known["manifest"].encode(), known["config"].encode()
        manifest = Manifest(digest, OCI_MANIFEST, body)
        whole = Digest.of(body) == digest
        named = str(Digest.of(config)) == manifest.data["config"]["digest"] if whole else False
        return (manifest, config) if named else None
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def remember_documents(cache: Path, manifest: Manifest, config: bytes) -> None:
    """For `seen_documents`. What is not of OCI is forgotten."""
    if manifest.media_type == OCI_MANIFEST:
        known = {"manifest": manifest.body.decode(), "config": config.decode()}
        write_json(cache / "documents" / f"{manifest.digest.hex}.json", known)


def _place(cache: Path, reference: str) -> Path:
    return cache / "images" / f"{fingerprint({'image': VERSION, 'is': reference}).hex}.json"
