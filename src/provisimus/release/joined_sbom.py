"""One CycloneDX document of a machine: its packages, its images with what is in them, its files.

Pure. Source: CycloneDX 1.6, JSON; nothing of it is unknown to 1.5. What is inside an image stands
below that image's component, under references that begin with its service.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from provisimus import __version__
from provisimus.model import Digest

Document = dict[str, Any]


def joined(
    machine: Document,
    images: Mapping[str, tuple[str, Document | None]],
    files: Iterable[tuple[str, Digest]],
    created: str,
) -> bytes:
    """The whole document.

    `machine` is what the machine said, `images` by service a reference and the image's own SBOM,
    None where it could not be read; `files` are the definition's, by path; `created` is RFC 3339.
    """
    own = [each for each in machine["components"] if each["type"] != "container"]
    held = [_image(service, *about) for service, about in sorted(images.items())]
    given = [_file(path, digest) for path, digest in sorted(files)]
    components = [*own, *held, *given]
    subject = machine["metadata"]["component"]
    serial = json.dumps([subject, components], sort_keys=True)
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, serial)}",
        "version": 1,
        "metadata": {
            **({"timestamp": created} if created else {}),
            "tools": {
                "components": [
                    {"type": "application", "name": "provisimus", "version": __version__}
                ]
            },
            "component": subject,
        },
        "components": components,
        "dependencies": [
            {
                "ref": subject["bom-ref"],
                "dependsOn": sorted(each["bom-ref"] for each in components),
            }
        ],
    }
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def as_version(document: Document, version: str) -> bytes:
    """The document in another version of CycloneDX; what is written is the same in both."""
    text = json.dumps({**document, "specVersion": version}, indent=1, sort_keys=True)
    return (text + "\n").encode()


def _image(service: str, reference: str, document: Document | None) -> dict[str, Any]:
    about = {"name": "provisimus:service", "value": service}
    if document is None:
        name, _, digest = reference.partition("@")
        unread = {"name": "provisimus:unread", "value": "true"}
        return {
            "type": "container",
            "bom-ref": f"image:{service}",
            "name": name,
            "version": digest,
            "properties": [about, unread],
        }
    inside = [
        {**each, "bom-ref": f"{service}:{each['bom-ref']}"} for each in document["components"]
    ]
    image = document["metadata"]["component"]
    return {
        **image,
        "bom-ref": f"image:{service}",
        "properties": [*image.get("properties", ()), about],
        **({"components": inside} if inside else {}),
    }


def _file(path: str, digest: Digest) -> dict[str, Any]:
    return {
        "type": "file",
        "bom-ref": f"definition:{path}",
        "name": path,
        "hashes": [{"alg": "SHA-256", "content": digest.hex}],
    }
