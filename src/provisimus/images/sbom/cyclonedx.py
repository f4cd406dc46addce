"""Components as a CycloneDX document, byte for byte the same for the same image. Pure.

Source: CycloneDX 1.5 and 1.6, JSON; what is written is the same in both. The time is the image's
own, the serial number is made of the content: nothing of the moment or the machine goes in.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.images.sbom.component import Component, purl
from provisimus.model import Digest

MEDIA_TYPE = "application/vnd.cyclonedx+json"
VERSIONS = ("1.5", "1.6")

_SPDX = {
    each.lower(): each
    for each in (
        *("0BSD", "AGPL-3.0-only", "Apache-1.1", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause"),
        *("BSL-1.0", "CC0-1.0", "CDDL-1.0", "CDDL-1.1", "EPL-1.0", "EPL-2.0", "GPL-2.0-only"),
        *("GPL-2.0-or-later", "GPL-3.0-only", "GPL-3.0-or-later", "ISC", "LGPL-2.1-only"),
        *("LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later", "MIT", "MIT-0", "MPL-1.1"),
        *("MPL-2.0", "Unlicense", "UPL-1.0", "Zlib"),
    )
}
"""Names that are SPDX's own; whatever else a library says stays in its own words."""

_USUAL = {
    "apache license, version 2.0": "Apache-2.0",
    "the apache license, version 2.0": "Apache-2.0",
    "the apache software license, version 2.0": "Apache-2.0",
    "apache software license - version 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "http://www.apache.org/licenses/license-2.0": "Apache-2.0",
    "http://www.apache.org/licenses/license-2.0.txt": "Apache-2.0",
    "https://www.apache.org/licenses/license-2.0": "Apache-2.0",
    "https://www.apache.org/licenses/license-2.0.txt": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "eclipse public license - v 1.0": "EPL-1.0",
    "eclipse public license - v 2.0": "EPL-2.0",
    "eclipse public license v2.0": "EPL-2.0",
}


@dataclass(frozen=True)
class Subject:
    """The image that the document is about. `created` is RFC 3339, as its configuration has it."""

    name: str
    version: str
    digest: Digest
    created: str
    architecture: str


def document(
    subject: Subject,
    found: Iterable[Component],
    system: Mapping[str, str],
    tool: str,
    version: str = "1.6",
) -> bytes:
    """The SBOM. `system` is the image's os-release, `tool` the version that wrote it."""
    image = _image(subject)
    listed = [_component(each) for each in _once(found)]
    if system.get("ID"):
        listed.insert(0, _system(system))
    serial = json.dumps([image, listed], sort_keys=True)
    body = {
        "bomFormat": "CycloneDX",
        "specVersion": version,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, serial)}",
        "version": 1,
        "metadata": {
            "timestamp": subject.created,
            "tools": {
                "components": [{"type": "application", "name": "provisimus", "version": tool}]
            },
            "component": image,
        },
        "components": listed,
        "dependencies": [
            {
                "ref": image["bom-ref"],
                "dependsOn": sorted(each["bom-ref"] for each in listed),
            }
        ],
    }
    return (json.dumps(body, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _image(subject: Subject) -> dict[str, Any]:
    last = subject.name.rpartition("/")[2]
    where = purl("oci", (last,), str(subject.digest), arch=subject.architecture)
    return {
        "type": "container",
        "bom-ref": where,
        "name": subject.name,
        "version": subject.version,
        "purl": where,
        "hashes": [{"alg": "SHA-256", "content": subject.digest.hex}],
    }


def _system(system: Mapping[str, str]) -> dict[str, Any]:
    version = system.get("VERSION_ID", "")
    return {
        "type": "operating-system",
        "bom-ref": f"os:{system['ID']}@{version}",
        "name": system["ID"],
        **({"version": version} if version else {}),
        **({"description": system["PRETTY_NAME"]} if system.get("PRETTY_NAME") else {}),
    }


def _once(found: Iterable[Component]) -> list[Component]:
    return sorted(set(found), key=lambda each: (each.purl, each.path, each.name, each.sha256))


def _component(each: Component) -> dict[str, Any]:
    told = {"path": each.path, "unreadable": "true" if each.unreadable else ""}
    properties = [
        {"name": f"provisimus:{key}", "value": value} for key, value in told.items() if value
    ]
    return {
        "type": "library" if each.purl else "file",
        "bom-ref": f"{each.purl}#{each.path}" if each.purl else f"file:{each.path}",
        "name": each.name,
        **({"group": each.group} if each.group else {}),
        **({"version": each.version} if each.version else {}),
        **({"purl": each.purl} if each.purl else {}),
        **({"hashes": [{"alg": "SHA-256", "content": each.sha256}]} if each.sha256 else {}),
        **({"licenses": [_licence(name) for name in each.licences]} if each.licences else {}),
        **({"properties": properties} if properties else {}),
    }


def _licence(name: str) -> dict[str, Any]:
    known = _SPDX.get(name.lower()) or _USUAL.get(name.lower())
    return {"license": {"id": known} if known else {"name": name}}
