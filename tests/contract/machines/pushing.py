"""A small image put into a real registry."""

from __future__ import annotations

import json

from provisimus.images.registry import Registry
from provisimus.model import Digest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
PASSWORD = "correct-horse-42"
HTPASSWD = "ci:$2b$04$GT6dQog2PVK2kRqYTtXqPOcpm9vk98s6.zzjROeMztCu8f3njFEJK\n"
"""User and password of the registry that wants them, hashed with bcrypt as it needs."""


def push(url: str, architecture: str = "amd64") -> str:
    registry = Registry(url)
    config = json.dumps({"os": "linux", "architecture": architecture}).encode()
    parts = [registry.put_blob("greeter", part) for part in (config, b"x" * 1000, b"y" * 500)]
    blobs = [{"mediaType": "x/y", "digest": str(one.digest), "size": one.size} for one in parts]
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {**blobs[0], "mediaType": "application/vnd.oci.image.config.v1+json"},
        "layers": [
            {**blob, "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
            for blob in blobs[1:]
        ],
    }
    text = json.dumps(body).encode()
    digest = registry.put_manifest("greeter", str(Digest.of(text)), MANIFEST, text)
    return f"{url}/greeter@{digest}"
