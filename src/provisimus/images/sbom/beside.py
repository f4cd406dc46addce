"""An SBOM that is about no image, put into a repository under a tag of its own.

It has no subject: as a referrer of an image it would be taken for that image's.
"""

from __future__ import annotations

import json

from provisimus.images.registry.client import OCI_MANIFEST, Registry
from provisimus.images.registry.content import OCI_EMPTY, Descriptor
from provisimus.images.registry.referrers import EMPTY
from provisimus.images.sbom.cyclonedx import MEDIA_TYPE
from provisimus.model import Digest


def put_beside(client: Registry, repository: str, tag: str, body: bytes) -> Digest:
    """Put a document under a tag, which then stays. Raises Conflict when it names another."""
    for content in (b"{}", body):
        client.put_blob(repository, content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": MEDIA_TYPE,
        "config": Descriptor(OCI_EMPTY, EMPTY.digest, EMPTY.size).as_json(),
        "layers": [Descriptor(MEDIA_TYPE, Digest.of(body), len(body)).as_json()],
    }
    text = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    return client.put_manifest(repository, tag, OCI_MANIFEST, text)


def get_beside(client: Registry, repository: str, tag: str) -> bytes | None:
    """The document under a tag; None when there is none. Raises ChecksumMismatch, Unreachable."""
    found = client.manifest(repository, tag)
    if found is None or found.data.get("artifactType") != MEDIA_TYPE:
        return None
    return client.blob(repository, Digest.parse(found.data["layers"][0]["digest"]))
