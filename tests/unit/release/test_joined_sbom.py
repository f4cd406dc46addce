"""One document of a machine, its images and its files."""

from __future__ import annotations

import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provisimus.images.sbom.component import Component
from provisimus.images.sbom.cyclonedx import Subject, document
from provisimus.model import Digest
from provisimus.release.joined_sbom import as_version, joined

DIGEST = Digest.of(b"image")
PURL = "pkg:deb/debian/curl@7.88?arch=amd64"
MACHINE = {
    "metadata": {
        "component": {
            "type": "platform",
            "bom-ref": "machine",
            "name": "greeter",
            "version": "1.0.0",
        }
    },
    "components": [
        {"type": "library", "bom-ref": PURL, "purl": PURL, "name": "curl", "version": "7.88"},
        {"type": "container", "bom-ref": "x", "name": "greeter", "version": str(DIGEST)},
    ],
}
LIBRARY = Component("lib", "1", "g", "pkg:maven/g/lib@1", "a.jar!/lib.jar", "0" * 64)
IMAGE = json.loads(
    document(Subject("greeter", "1", DIGEST, "2026-01-01T00:00:00Z", "amd64"), [LIBRARY], {}, "1")
)


def whole() -> bytes:
    images = {
        "greeter": (f"r:5000/greeter@{DIGEST}", IMAGE),
        # Two images with one library: each has it.
        "twin": (f"r:5000/twin@{DIGEST}", IMAGE),
        "vendor": (f"vendor.example/x@{DIGEST}", None),
    }
    files = [("setup/10-x", Digest.of(b"x"))]
    return joined(MACHINE, images, files, "2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_it_is_valid(version: str) -> None:
    schema = SchemaVersion.V1_5 if version == "1.5" else SchemaVersion.V1_6
    text = as_version(json.loads(whole()), version).decode()
    assert JsonStrictValidator(schema).validate_str(text) is None


def test_what_it_says() -> None:
    data = json.loads(whole())
    assert whole() == whole()
    assert [(each["type"], each["name"]) for each in data["components"]] == [
        ("library", "curl"),
        ("container", "greeter"),
        ("container", "greeter"),
        ("container", "vendor.example/x"),
        ("file", "setup/10-x"),
    ]
    inside = data["components"][1]["components"]
    assert [each["bom-ref"] for each in inside] == ["greeter:pkg:maven/g/lib@1#a.jar!/lib.jar"]
    assert {"name": "provisimus:unread", "value": "true"} in data["components"][3]["properties"]
    assert data["dependencies"][0]["ref"] == "machine"
