"""The recipe of a base made from Debian packages."""

from __future__ import annotations

from pathlib import Path

from provisimus.images.debian import arguments, base_fingerprint, sources_for
from provisimus.workspace.definitions.image import DebianSource

JRE = DebianSource(suite="bookworm", packages=("openjdk-17-jre-headless",))


def test_arguments() -> None:
    found = arguments(DebianSource(suite="bookworm", packages=("a", "b")), Path("/p"), [Path("/s")])
    assert found[0] == "mmdebstrap"
    assert "--variant=essential" in found
    assert "--include=a,b" in found
    assert found[-3:] == ["bookworm", "/p", "/s"]
    assert not any("jvm" in each for each in found)


def test_a_jvm_brings_its_own() -> None:
    found = arguments(JRE, Path("/p"))
    assert "--include=openjdk-17-jre-headless,ca-certificates-java" in found
    assert "--dpkgopt=path-exclude=/usr/lib/jvm/*/lib/ct.sym" in found


def test_the_fingerprint_knows_what_matters() -> None:
    one = base_fingerprint(DebianSource(packages=("a", "b")), "amd64", 0)
    assert base_fingerprint(DebianSource(packages=("b", "a", "b")), "amd64", 0) == one
    others = {
        base_fingerprint(DebianSource(packages=("a",)), "amd64", 0),
        base_fingerprint(DebianSource(packages=("a", "b")), "arm64", 0),
        base_fingerprint(DebianSource(packages=("a", "b")), "amd64", 1),
        base_fingerprint(DebianSource(suite="trixie", packages=("a", "b")), "amd64", 0),
    }
    assert one not in others
    assert len(others) == 4


DEBIAN = """\
Types: deb
URIs: http://mirror/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror/security
Suites: bookworm-security
Components: main
"""


def test_the_sources_of_the_machine() -> None:
    files = {
        "debian.sources": DEBIAN,
        "other.sources": "Types: deb\nURIs: https://x\nSuites: nodistro\n",
        "cloud.list": "deb https://x cloud-sdk-bookworm main\n",
    }
    assert sources_for("bookworm", files) == {"debian.sources": DEBIAN}
    assert sources_for("trixie", files) == {}


def test_one_line_sources() -> None:
    text = "# c\ndeb-src http://m bookworm main\ndeb [signed-by=/k] http://m bookworm main\n"
    assert sources_for("bookworm", {"sources.list": "", "a.list": text}) == {
        "a.list": "deb [signed-by=/k] http://m bookworm main\n"
    }


def test_security_alone_is_no_source() -> None:
    text = "deb http://m bookworm-security main\n"
    assert sources_for("bookworm", {"a.list": text}) == {}
