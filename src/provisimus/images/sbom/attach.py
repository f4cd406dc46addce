"""The SBOM of an image in a registry: made from its layers, attached to it, found again."""

from __future__ import annotations

import json
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from provisimus import __version__
from provisimus.caching import read_json, write_json
from provisimus.errors import NotFound, ProvisimusError
from provisimus.events import Tell, silence, step
from provisimus.images.find import one_platform
from provisimus.images.labels import OCI
from provisimus.images.registry.client import Registry, open_registry
from provisimus.images.registry.content import Descriptor, Manifest
from provisimus.images.registry.referrers import referrer_manifest
from provisimus.images.sbom.component import Component
from provisimus.images.sbom.cyclonedx import MEDIA_TYPE, Subject, document
from provisimus.images.sbom.layers import Findings, all_components, scan_layer, system
from provisimus.model import UNKNOWN, ContainerImage, Digest

SBOM = MEDIA_TYPE
"""The type under which it refers to its image."""


@dataclass(frozen=True)
class Attached:
    """An SBOM in the registry: the manifest that refers to the image, and the document's bytes."""

    digest: Digest
    body: bytes


def attached_sbom(client: Registry, repository: str, subject: Digest) -> Attached | None:
    """The SBOM that refers to an image; None when none does. Raises ChecksumMismatch."""
    for each in client.referrers(repository, subject, SBOM):
        found = client.manifest(repository, str(each.digest))
        if found is not None and found.data.get("layers"):
            layer = Digest.parse(found.data["layers"][0]["digest"])
            return Attached(each.digest, client.blob(repository, layer))
    return None


def attach_sbom(
    client: Registry, repository: str, manifest: Manifest, cache: Path, tell: Tell = silence
) -> Attached:
    """Make the SBOM of an image and attach it; one that is there stays.

    Raises what the registry raises, and ProvisimusError for a layer that cannot be read.
    """
    there = attached_sbom(client, repository, manifest.digest)
    if there is not None:
        return there
    with step(tell, f"SBOM of {repository}", "none refers to the image yet") as outcome:
        body = make_sbom(client, repository, manifest, cache)
        blob = client.put_blob(repository, body)
        subject = Descriptor(manifest.media_type, manifest.digest, len(manifest.body))
        layer = Descriptor(SBOM, blob.digest, blob.size)
        created = json.loads(body)["metadata"]["timestamp"]
        told = {OCI + "created": created} if created else {}
        digest = client.put_referrer(repository, referrer_manifest(subject, SBOM, layer, told))
        outcome.result = f"{len(json.loads(body)['components'])} components"
    return Attached(digest, body)


def attach_to(registry: str, image: ContainerImage, cache: Path, tell: Tell) -> Attached:
    """As `attach_sbom`, for an image that was just built. Raises NotFound."""
    client = open_registry(registry)
    repository = client.repository(image.name)
    found = client.manifest(repository, str(image.digest))
    if found is None:
        raise NotFound(f"registry {client.host} lost {image.reference}")
    return attach_sbom(client, repository, one_platform(client, repository, found), cache, tell)


def make_sbom(
    client: Registry, repository: str, manifest: Manifest, cache: Path, version: str = "1.6"
) -> bytes:
    """The SBOM of an image of one platform, from its layers; each layer is read once and kept."""
    config, findings = _read(client, repository, manifest, cache)
    labels: Mapping[str, str] = (config.get("config") or {}).get("Labels") or {}
    subject = Subject(
        labels.get(OCI + "title") or repository,
        labels.get(OCI + "version") or UNKNOWN,
        manifest.digest,
        str(config.get("created") or "1970-01-01T00:00:00Z"),
        str(config.get("architecture") or ""),
    )
    return document(subject, all_components(findings), system(findings), __version__, version)


def read_components(
    client: Registry, repository: str, manifest: Manifest, cache: Path
) -> list[Component]:
    """Everything that is inside an image of one platform. Raises as `attach_sbom`."""
    return list(all_components(_read(client, repository, manifest, cache)[1]))


def _read(
    client: Registry, repository: str, manifest: Manifest, cache: Path
) -> tuple[dict[str, Any], Findings]:
    digest = Digest.parse(manifest.data["config"]["digest"])
    config: dict[str, Any] = json.loads(client.blob(repository, digest))
    findings = Findings()
    layers = manifest.data["layers"]
    for diff_id, layer in zip(config["rootfs"]["diff_ids"], layers, strict=True):
        found = _findings(client, repository, Digest.parse(diff_id), layer, cache)
        findings = findings.under(found)
    return config, findings


def _findings(
    client: Registry, repository: str, diff_id: Digest, layer: Mapping[str, Any], cache: Path
) -> Findings:
    place = cache / "sbom" / f"{diff_id.hex}.json"
    known = Findings.parse(read_json(place))
    if known is not None:
        return known
    digest = Digest.parse(layer["digest"])
    try:
        found = scan_layer(client.blob_pieces(repository, digest))
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise ProvisimusError(
            f"the layer {digest.short}… of {repository} is no TAR that can be read: {error}",
            where=f"{client.host}/{repository}@{digest}",
            hint="zstd layers cannot be read yet" if "zstd" in layer["mediaType"] else None,
        ) from error
    write_json(place, found.as_json())
    return found
