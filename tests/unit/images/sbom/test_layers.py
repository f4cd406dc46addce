import io
import tarfile

import pytest
from tests.unit.images.sbom.test_jars import jar, library

from provisimus.images.sbom.debian import licences_in_copyright, packages
from provisimus.images.sbom.layers import Findings, all_components, scan_layer, system

STATUS = """\
Package: libc6
Status: install ok installed
Architecture: amd64
Source: glibc (2.36-9)
Version: 2.36-9+deb12u1
Description: GNU C Library
 Version: 9 is in the text

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: half
Status: install reinstreq half-installed
Architecture: amd64
Version: 1
"""
COPYRIGHT = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Files: *
License: LGPL-2.1+

Files: x
License: GPL-2+
 The text.
"""
OS = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'


def layer(files, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            if data is None:
                info.type, info.linkname = tarfile.SYMTYPE, "elsewhere"
                archive.addfile(info)
                continue
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def scan(files, mode="w"):
    return scan_layer([layer(files, mode)])


BASE = {
    "./var/lib/dpkg/status": STATUS.encode(),
    "./usr/lib/os-release": OS.encode(),
    "./etc/os-release": None,
    "./usr/share/doc/libc6/copyright": COPYRIGHT.encode(),
    "./opt/old/a.jar": library("a"),
    "./opt/b.jar": library("b"),
}


def names(*layers):
    merged = Findings()
    for each in layers:
        merged = merged.under(each)
    return sorted(each.name for each in all_components(merged))


def test_packages_and_their_licences():
    found = scan(BASE, "w:gz")
    assert system(found)["VERSION_ID"] == "12"
    (libc,) = [each for each in all_components(found) if each.name == "libc6"]
    assert libc.licences == ("GPL-2+", "LGPL-2.1+")
    assert libc.purl == (
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=glibc%402.36-9"
    )


def test_what_lies_above_wins():
    base = scan(BASE)
    assert names(base) == ["a", "b", "libc6"]
    assert names(base, scan({"opt/b.jar": library("c")})) == ["a", "c", "libc6"]
    assert names(base, scan({"opt/old/.wh.a.jar": b""})) == ["b", "libc6"]
    assert names(base, scan({".wh.opt": b""})) == ["libc6"]
    assert names(base, scan({"opt/.wh..wh..opq": b"", "opt/n.jar": library("n")})) == ["libc6", "n"]
    assert names(base, scan({"opt/old": None})) == ["b", "libc6"]
    assert names(base, scan({"var/lib/dpkg/status": b""})) == ["a", "b"]


def test_distroless_images_have_a_file_for_each_package():
    one = b"Package: tzdata\nVersion: 2024a\nArchitecture: all\n"
    found = scan({"var/lib/dpkg/status.d/tzdata": one, "var/lib/dpkg/status.d/tzdata.md5sums": b""})
    assert [each.purl for each in all_components(found)] == ["pkg:deb/debian/tzdata@2024a?arch=all"]


def test_an_unpacked_jar_is_seen():
    text = b"groupId=g\nartifactId=a\nversion=1\n"
    assert names(scan({"app/META-INF/maven/g/a/pom.properties": text})) == ["a"]


def test_findings_are_remembered_whole():
    found = scan({**BASE, "x/.wh.y": b"", "z/.wh..wh..opq": b"", "bad.jar": b"no"})
    assert Findings.parse(found.as_json()) == found
    assert Findings.parse(None) is None
    assert Findings.parse({"recipe": 0}) is None
    assert Findings.parse({**found.as_json(), "components": {"x": [{"odd": 1}]}}) is None


def test_what_is_no_layer():
    with pytest.raises(tarfile.TarError):
        scan_layer([b"no tar at all"])


def test_a_free_copyright_file_tells_nothing():
    assert licences_in_copyright("This is GPL-2.\nLicense: GPL\n") == ()


def test_a_database_that_is_cut_off():
    assert [each.name for each in packages(STATUS[:180], "x", {})] == ["libc6"]
    assert list(packages("", "x", {})) == []


def test_jars_beside_each_other_in_one_layer():
    assert names(scan({"a.jar": jar({"lib/b.jar": library("b")}), "c.war": library("c")})) == [
        "a.jar",
        "b",
        "c",
    ]
