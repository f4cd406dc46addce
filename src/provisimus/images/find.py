"""Asking a registry for images: by fingerprint, by reference; reading what their labels say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from provisimus.errors import NotFound
from provisimus.images.documents import Base, architecture, base_of
from provisimus.images.labels import FINGERPRINT, OCI
from provisimus.images.registry import Registry, open_registry, parse_reference
from provisimus.images.registry.client import DOCKER_LIST, OCI_INDEX, Manifest
from provisimus.model import UNKNOWN, ContainerImage, Digest


def fingerprint_tag(fingerprint: Digest) -> str:
    """The tag under which an image is found by what it was made from."""
    return f"fp-{fingerprint.hex[:20]}"


def prefix_tag(fingerprint: Digest) -> str:
    """The tag of what a builder made for an image, under what that was made from."""
    return f"prefix-{fingerprint.hex[:20]}"


_OTHER_PLATFORM = "name it by the digest of all its platforms, or build on a machine of that kind"

OWN_TAGS = ("fp-", "debian-", "prefix-", "sha256-", "machine-")
"""How tags begin that are no versions."""


def find_image(registry: str | Registry, name: str, fingerprint: Digest) -> ContainerImage | None:
    """The image of this fingerprint; None when it was not built yet.

    Raises Unreachable when no registry answers.
    """
    client = open_registry(registry) if isinstance(registry, str) else registry
    repository = client.repository(name)
    manifest = client.manifest(repository, fingerprint_tag(fingerprint))
    if manifest is None:
        return None
    found = _image(client, name, repository, manifest)
    return found if found.fingerprint == fingerprint else None


def read_image(registry: str | Registry, reference: str) -> ContainerImage:
    """An image by `host:port/name@sha256:…` or by tag. Raises NotFound.

    A reference to another registry than `registry` is asked there.
    """
    client = open_registry(registry) if isinstance(registry, str) else registry
    wanted = parse_reference(reference)
    if wanted.host != client.host:
        client = open_registry(wanted.host)
    name = wanted.repository.removeprefix(client.prefix)
    manifest = client.manifest(wanted.repository, wanted.selector)
    if manifest is None:
        raise NotFound(f"registry {client.host} has no image {reference}")
    return _image(client, name, wanted.repository, manifest)


def read_base(client: Registry, repository: str, manifest: Manifest) -> Base:
    """An image as the base of another. `manifest` is of one platform.

    Raises NotFound when that is not this machine's, for which the image would be built.
    """
    return as_base(client, repository, manifest, config_of(client, repository, manifest))


def as_base(client: Registry, repository: str, manifest: Manifest, configuration: bytes) -> Base:
    """Likewise, of an image whose two documents are at hand."""
    config = json.loads(configuration)
    system, processor = config.get("os") or "linux", config.get("architecture") or architecture()
    if (system, processor) != ("linux", architecture()):
        raise NotFound(
            f"{client.host}/{repository}@{manifest.digest} is for {system}/{processor}, and this "
            f"machine builds for linux/{architecture()}",
            hint=_OTHER_PLATFORM,
        )
    return Base(
        name=repository,
        repository=repository,
        reference=f"{client.host}/{repository}",
        digest=manifest.digest,
        layers=base_of(manifest.data, config),
        config=config,
    )


def one_platform(client: Registry, repository: str, manifest: Manifest) -> Manifest:
    """The manifest itself, or the one of this machine's processor when it is an index.

    Raises NotFound when the index has none.
    """
    if manifest.media_type not in (OCI_INDEX, DOCKER_LIST):
        return manifest
    wanted = architecture()
    for each in manifest.data.get("manifests", []):
        platform = each.get("platform", {})
        if (platform.get("architecture"), platform.get("os")) == (wanted, "linux"):
            found = client.manifest(repository, str(each["digest"]))
            if found is not None:
                return found
    raise NotFound(
        f"{client.host}/{repository}@{manifest.digest} is not there for linux/{wanted}",
        hint=_OTHER_PLATFORM,
    )


def _image(client: Registry, name: str, repository: str, manifest: Manifest) -> ContainerImage:
    config = json.loads(config_of(client, repository, one_platform(client, repository, manifest)))
    return described(name, f"{client.host}/{repository}", manifest.digest, config)


def described(
    name: str, repository: str, digest: Digest, config: Mapping[str, Any]
) -> ContainerImage:
    """An image by what its configuration says; `repository` is `host:port/name`."""
    settings = config.get("config") or {}
    labels: dict[str, str] = settings.get("Labels") or {}
    ports = sorted(int(each.partition("/")[0]) for each in settings.get("ExposedPorts") or {})
    try:
        fingerprint = Digest.parse(labels.get(FINGERPRINT, ""))
    except ValueError:
        fingerprint = None
    return ContainerImage(
        name=name,
        version=labels.get(OCI + "version", UNKNOWN),
        repository=repository,
        digest=digest,
        fingerprint=fingerprint,
        labels=dict(sorted(labels.items())),
        ports=tuple(ports),
    )


def config_of(client: Registry, repository: str, manifest: Manifest) -> bytes:
    """The configuration that a manifest names."""
    return client.blob(repository, Digest.parse(manifest.data["config"]["digest"]))
