import hashlib
import io
import struct
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from provisimus.images.sbom.component import Component, purl
from provisimus.images.sbom.jars import from_properties, is_pom, jar_components, licences_in_pom

POM = "META-INF/maven/{0}/{1}/pom.properties"
LICENCES = (
    "<project><licenses><license><name>Apache-2.0</name></license>"
    "<license>\n<name>\n MIT &amp; more </name></license></licenses></project>"
)


def jar(files, compression=zipfile.ZIP_STORED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def library(artifact, version="1.0", group="org.example", **more):
    properties = f"#made\ngroupId={group}\nartifactId={artifact}\nversion={version}\n"
    return jar({POM.format(group, artifact): properties, **more})


def read(data, path="app/app.jar"):
    return list(jar_components(io.BytesIO(data), path))


def test_a_fat_jar_tells_what_is_inside():
    lib = library("lib", "2.3")
    app = library("app", "1.0.0", **{"BOOT-INF/lib/lib-2.3.jar": lib, "a.class": b""})
    assert read(app) == [
        Component(
            "app",
            "1.0.0",
            "org.example",
            "pkg:maven/org.example/app@1.0.0",
            "app/app.jar",
            hashlib.sha256(app).hexdigest(),
        ),
        Component(
            "lib",
            "2.3",
            "org.example",
            "pkg:maven/org.example/lib@2.3",
            "app/app.jar!/BOOT-INF/lib/lib-2.3.jar",
            hashlib.sha256(lib).hexdigest(),
        ),
    ]


def test_a_war_in_an_ear_in_depth():
    deep = jar({"x.war": jar({"WEB-INF/lib/y.jar": library("y")})})
    assert [each.path for each in read(deep, "a.ear")] == [
        "a.ear",
        "a.ear!/x.war",
        "a.ear!/x.war!/WEB-INF/lib/y.jar",
    ]
    for _ in range(6):
        deep = jar({"x.jar": deep})
    last = read(deep)[-1]
    assert last.unreadable
    assert last.path.count("!") == 4


def test_a_shaded_jar_names_its_parts():
    parts = {
        POM.format("org.example", name): f"groupId=org.example\nartifactId={name}\nversion=1\n"
        for name in ("app", "app-core", "guava")
    }
    found = read(jar(parts), "lib/app-core-1.jar")
    assert [(each.name, bool(each.sha256)) for each in found] == [
        ("app-core", True),
        ("app", False),
        ("guava", False),
    ]
    # None is named like the file: the JAR is nobody's, and all are inside it.
    found = read(jar(parts), "service.jar")
    assert [(each.name, each.purl != "") for each in found] == [
        ("service.jar", False),
        ("app-core", True),
        ("app", True),
        ("guava", True),
    ]


def test_nothing_is_guessed_from_a_name():
    manifest = "Manifest-Version: 1.0\r\nBundle-Version: 4.\r\n 5\r\nBundle-License: MIT;link=x\r\n"
    (found,) = read(jar({"META-INF/MANIFEST.MF": manifest}), "lib/old-1.0.jar")
    assert (found.name, found.version, found.purl) == ("old-1.0.jar", "4.5", "")
    assert found.licences == ("MIT",)


def test_licences_come_from_the_pom():
    pom = POM.format("org.example", "x").replace(".properties", ".xml")
    (found,) = read(library("x", **{pom: LICENCES}), "x.jar")
    assert found.licences == ("Apache-2.0", "MIT & more")
    assert licences_in_pom("<!-- <licenses><license><name>A</name></license></licenses> -->") == ()


def test_a_broken_jar_is_told_and_the_rest_is_read():
    found = read(jar({"a.jar": b"PK\x03\x04rubbish", "b.jar": library("b")}))
    assert [(each.path, each.unreadable) for each in found] == [
        ("app/app.jar", False),
        ("app/app.jar!/a.jar", True),
        ("app/app.jar!/b.jar", False),
    ]
    assert read(library("x")[:-30])[0].unreadable


def test_a_size_that_lies_is_survived():
    data = bytearray(jar({"a.jar": library("a")}, zipfile.ZIP_DEFLATED))
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 0xFFFFFFF0)
    assert read(bytes(data))[-1].unreadable


@given(st.binary(max_size=300), st.integers(0, 400))
def test_no_bytes_bring_it_down(noise, at):
    whole = library("x", **{"lib/y.jar": library("y")})
    assert read(whole[:at] + noise + whole[at:])
    assert read(noise)


def test_properties_that_say_nothing():
    assert from_properties("groupId=${project.groupId}\nartifactId=a\nversion=1", "x") is None
    assert from_properties("artifactId=a\nversion=1", "x") is None
    found = from_properties("! old\ngroupId: g\n artifactId = a\nversion=1", "x")
    assert found == Component("a", "1", "g", "pkg:maven/g/a@1", "x")


def test_unpacked_jars_are_seen():
    assert is_pom("app/META-INF/maven/g/a/pom.properties")
    assert is_pom("META-INF/maven/g/a/pom.properties")
    assert not is_pom("app/maven/g/a/pom.properties")


def test_package_urls():
    found = purl("deb", ("debian", "libc6"), "2.36-9+deb12u1", arch="amd64", distro="")
    assert found == "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64"
    assert purl("oci", ("a",), "sha256:0") == "pkg:oci/a@sha256:0"
