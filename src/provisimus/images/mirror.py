"""A vendor's image, taken over by digest from any registry into ours, byte for byte.

What the digest names is what is copied: an index with all its platforms, or one image. The copy has
the same digest, so whoever names the image by it may ask either registry.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from provisimus.errors import NotFound, ProvisimusError
from provisimus.events import Progress, Tell, step
from provisimus.images.registry import Reference, Registry
from provisimus.images.registry.content import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Known,
    Manifest,
)
from provisimus.model import Digest


@dataclass(frozen=True)
class Mirrored:
    """`copied` counts the bytes that moved; 0 when everything was there."""

    reference: str
    digest: Digest
    copied: int


def mirror_image(
    source: Registry, vendor: Reference, target: Registry, name: str, tell: Tell
) -> Mirrored:
    """Copy an image into the repository of `name`. What is there is not copied again.

    Raises NotFound, ChecksumMismatch, Unreachable, Refused.
    """
    found = source.manifest(vendor.repository, vendor.selector)
    if found is None:
        hint = "is the digest right? the vendor may have taken it away"
        raise NotFound(f"{vendor.host} has no image {vendor}", hint=hint)
    repository = target.repository(name)
    copied = 0
    if target.manifest(repository, str(found.digest)) is None:
        label = f"image {name}: mirror"
        with step(tell, label, f"{vendor} is not in this registry") as outcome:
            copied = copy_manifest(
                source, vendor.repository, target, repository, found, tell, label
            )
            outcome.result = f"{copied / 1e6:.1f} MB"
    return Mirrored(target.reference(name, found.digest), found.digest, copied)


def copy_manifest(
    source: Registry,
    origin: str,
    target: Registry,
    repository: str,
    manifest: Manifest,
    tell: Tell,
    label: str,
) -> int:
    """Copy a manifest with all it names, parts before the whole; the number of bytes copied."""
    copied = 0
    if manifest.media_type in (OCI_INDEX, DOCKER_LIST):
        for each in manifest.data.get("manifests") or []:
            child = source.manifest(origin, str(Digest.parse(each["digest"])))
            if child is None:
                raise NotFound(f"{source.host}/{origin} lost a part of its image: {each['digest']}")
            copied += copy_manifest(source, origin, target, repository, child, tell, label)
    elif manifest.media_type in (OCI_MANIFEST, DOCKER_MANIFEST):
        parts = [manifest.data["config"], *manifest.data["layers"]]
        blobs = [Descriptor.parse(each) for each in parts]
        total = sum(each.size for each in blobs)
        for blob in blobs:
            if not _is_there(source, origin, target, repository, blob.digest):
                read = partial(source.blob_pieces, origin, blob.digest)
                target.copy_blob(repository, Known(blob.digest, blob.size, read))
                copied += blob.size
            tell(Progress(label, copied, total))
    else:
        raise ProvisimusError(
            f"{source.host}/{origin}@{manifest.digest} is of the kind {manifest.media_type}, which "
            "is no image",
            hint="Docker's first manifests (schema 1) have no digest that stays: pull and push it",
        )
    target.put_manifest(repository, str(manifest.digest), manifest.media_type, manifest.body)
    return copied


def _is_there(
    source: Registry, origin: str, target: Registry, repository: str, digest: Digest
) -> bool:
    if source.host == target.host:
        return target.mount(repository, digest, origin)
    return target.has_blob(repository, digest)
