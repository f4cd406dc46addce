"""The two JSON documents of an image, configuration and manifest, byte for byte reproducible. Pure.

OCI media types: docker-registry 2.8 and Docker 20.10 take them, and only an OCI manifest may carry
annotations. HEALTHCHECK, SHELL and OnBuild are Docker's own keys in the configuration, which Docker
reads under either media type.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.model import Digest

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_LAYER_TYPES = {
    "application/vnd.docker.image.rootfs.diff.tar.gzip": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar": "application/vnd.oci.image.layer.v1.tar",
}
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


@dataclass(frozen=True)
class StoredLayer:
    """A layer that is in the registry; `size` of the compressed blob in bytes."""

    diff_id: Digest
    digest: Digest
    size: int
    media_type: str = LAYER


@dataclass(frozen=True)
class Base:
    """What an image starts from: its layers and configuration. Empty for scratch."""

    name: str = "scratch"
    repository: str = ""
    reference: str = ""
    digest: Digest | None = None
    layers: tuple[StoredLayer, ...] = ()
    config: Mapping[str, Any] | None = None

    @property
    def settings(self) -> Mapping[str, Any]:
        """The part of the configuration that instructions change; labels of ours left behind."""
        found = dict((self.config or {}).get("config") or {})
        labels = own_labels_removed(found.pop("Labels", None) or {})
        return {**found, "Labels": labels} if labels else found


def own_labels_removed(labels: Mapping[str, str]) -> dict[str, str]:
    """A base's labels without those that speak of the base alone."""
    ours = ("provisimus.", "org.opencontainers.image.")
    return {key: value for key, value in labels.items() if not key.startswith(ours)}


def base_of(manifest: Mapping[str, Any], config: Mapping[str, Any]) -> tuple[StoredLayer, ...]:
    """The layers of an image from its two documents."""
    diff_ids = config["rootfs"]["diff_ids"]
    return tuple(
        StoredLayer(
            Digest.parse(diff_id),
            Digest.parse(layer["digest"]),
            int(layer["size"]),
            _LAYER_TYPES.get(layer["mediaType"], layer["mediaType"]),
        )
        for diff_id, layer in zip(diff_ids, manifest["layers"], strict=True)
    )


def architecture(machine: str | None = None) -> str:
    """Go's name of a processor, as images carry it; of this machine when none is given."""
    name = machine or os.uname().machine
    return _MACHINES.get(name, name)


def configuration(
    base: Base,
    settings: Mapping[str, Any],
    layers: Sequence[StoredLayer],
    history: Sequence[tuple[str, bool]],
    labels: Mapping[str, str],
    created: int,
) -> bytes:
    """The configuration blob. `created` in seconds since the epoch; `history` is (text, layer?)."""
    before = base.config or {}
    at = timestamp(created)
    steps = [
        {"created": at, "created_by": text, **({} if layer else {"empty_layer": True})}
        for text, layer in history
    ]
    return canonical(
        {
            "architecture": before.get("architecture") or architecture(),
            "os": before.get("os") or "linux",
            **({"variant": before["variant"]} if before.get("variant") else {}),
            "created": at,
            "config": {**settings, "Labels": {**(settings.get("Labels") or {}), **labels}},
            "rootfs": {
                "type": "layers",
                "diff_ids": [str(each.diff_id) for each in (*base.layers, *layers)],
            },
            "history": [*(before.get("history") or []), *steps],
        }
    )


def manifest(config: bytes, layers: Sequence[StoredLayer], annotations: Mapping[str, str]) -> bytes:
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": str(Digest.of(config)),
                "size": len(config),
            },
            "layers": [
                {"mediaType": each.media_type, "digest": str(each.digest), "size": each.size}
                for each in layers
            ],
            "annotations": dict(annotations),
        }
    )


def canonical(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def timestamp(seconds: int) -> str:
    """RFC 3339 in UTC, as both documents want it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
