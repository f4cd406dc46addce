import json

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from provisimus.images.sbom.component import Component
from provisimus.images.sbom.cyclonedx import VERSIONS, Subject, document
from provisimus.model import Digest

SUBJECT = Subject("greeter", "1.0.0", Digest.of(b"image"), "2026-01-01T00:00:00Z", "amd64")
SYSTEM = {"ID": "debian", "VERSION_ID": "12", "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)"}
FOUND = [
    Component("lib", "1", "g", "pkg:maven/g/lib@1", "a.jar!/lib.jar", "0" * 64, ("MIT", "Own <1>")),
    Component("lib", "1", "g", "pkg:maven/g/lib@1", "b.jar!/lib.jar", "0" * 64),
    Component("libc6", "2.36", "", "pkg:deb/debian/libc6@2.36?arch=amd64", "var/lib/dpkg/status"),
    Component("odd.jar", path="odd.jar", sha256="1" * 64, unreadable=True),
]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("found", [FOUND, []])
def test_the_document_is_valid(version, found):
    text = document(SUBJECT, found, SYSTEM if found else {}, "1.0", version).decode()
    schema = SchemaVersion.V1_5 if version == "1.5" else SchemaVersion.V1_6
    assert JsonStrictValidator(schema).validate_str(text) is None


def test_the_same_image_gives_the_same_bytes():
    one = document(SUBJECT, FOUND, SYSTEM, "1.0")
    assert document(SUBJECT, [*reversed(FOUND), FOUND[0]], SYSTEM, "1.0") == one
    assert document(SUBJECT, FOUND[1:], SYSTEM, "1.0") != one


def test_what_it_says():
    data = json.loads(document(SUBJECT, FOUND, SYSTEM, "1.0"))
    assert data["metadata"]["timestamp"] == "2026-01-01T00:00:00Z"
    assert data["metadata"]["component"]["purl"].startswith("pkg:oci/greeter@sha256:")
    kinds = [(each["type"], each["name"]) for each in data["components"]]
    assert kinds == [
        ("operating-system", "debian"),
        ("file", "odd.jar"),
        ("library", "libc6"),
        ("library", "lib"),
        ("library", "lib"),
    ]
    lib = data["components"][3]
    assert lib["licenses"] == [{"license": {"id": "MIT"}}, {"license": {"name": "Own <1>"}}]
    assert lib["hashes"] == [{"alg": "SHA-256", "content": "0" * 64}]
    (image,) = data["dependencies"]
    assert len(image["dependsOn"]) == 5
