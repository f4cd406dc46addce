"""What a JAR says of itself, and what of a broken one."""

from __future__ import annotations

import io
import tempfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provisimus.artifacts.archives import (
    CorruptArtifact,
    check_archive,
    check_whole,
    commit_in,
    coordinates_in,
    manifest_value,
    properties,
)
from provisimus.images.sbom.jars import jar_components
from provisimus.model import Coordinates

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def jar(path: Path, **files: str) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def test_manifest_lines_go_on_after_72_bytes() -> None:
    text = (
        f"Manifest-Version: 1.0\r\nGit-Commit: {COMMIT[:10]}\r\n {COMMIT[10:]}\r\n\r\nName: x\r\n"
    )
    assert manifest_value(text, "git-commit") == COMMIT
    assert manifest_value(text, "Name") is None


def test_commit_of_the_manifest_goes_first(tmp_path: Path) -> None:
    files = {
        "META-INF/MANIFEST.MF": f"Git-Commit: {COMMIT}\n",
        "git.properties": "git.commit.id=other\n",
    }
    assert commit_in(jar(tmp_path / "a.jar", **files)) == COMMIT


def test_commit_of_git_properties(tmp_path: Path) -> None:
    files = {"BOOT-INF/classes/git.properties": f"#x\ngit.commit.id.full={COMMIT}\n"}
    assert commit_in(jar(tmp_path / "a.jar", **files)) == COMMIT


def test_unknown_commit_stays_unknown(tmp_path: Path) -> None:
    assert commit_in(jar(tmp_path / "a.jar", x="y")) is None
    (tmp_path / "b.tar.gz").write_bytes(b"")
    assert commit_in(tmp_path / "b.tar.gz") is None


def test_coordinates(tmp_path: Path) -> None:
    name = "META-INF/maven/com.acme/greeter/pom.properties"
    files = {name: "groupId=com.acme\nartifactId=greeter\nversion=1.0.0\n"}
    found = coordinates_in(jar(tmp_path / "a.jar", **files))
    assert found == (Coordinates("com.acme", "greeter", "jar", "", "1.0.0"),)


def test_properties() -> None:
    text = "# no\n! no\na=1\n b : 2 \nc.d=http\\://x\n"
    assert properties(text) == {"a": "1", "b": "2", "c.d": "http://x"}


@pytest.mark.parametrize("cut", [0, 10, 100])
def test_truncated_jar(tmp_path: Path, cut: int) -> None:
    whole = jar(tmp_path / "a.jar", x="y" * 1000).read_bytes()
    (tmp_path / "b.jar").write_bytes(whole[:cut])
    with pytest.raises(CorruptArtifact, match=r"b\.jar is truncated or damaged"):
        check_archive(tmp_path / "b.jar")


def test_damaged_jar(tmp_path: Path) -> None:
    path = tmp_path / "a.jar"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("x", "y" * 1000)
    path.write_bytes(path.read_bytes().replace(b"yyy", b"yyz", 1))
    with pytest.raises(CorruptArtifact):
        check_archive(path)


def test_other_files_pass(tmp_path: Path) -> None:
    (tmp_path / "a.deb").write_bytes(b"anything")
    check_archive(tmp_path / "a.deb")


def test_a_glance_sees_a_cut(tmp_path: Path) -> None:
    inner = jar(tmp_path / "inner.jar", a="b" * 500)
    outer = tmp_path / "outer.jar"
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_STORED) as archive:
        archive.write(inner, "lib/inner.jar")
        archive.writestr("rest", "x" * 500)
    check_whole(outer, "outer.jar", "here")
    # Java reads one with a script before it, and one that was padded.
    outer.write_bytes(b"#!/bin/sh\n" + outer.read_bytes())
    check_whole(outer, "outer.jar", "here")
    jar(outer, a="b").write_bytes(outer.read_bytes() + b"\0\0")
    check_whole(outer, "outer.jar", "here")


@pytest.mark.parametrize("cut", [0, 20, 300, 400, -1])
def test_a_jar_inside_is_not_taken_for_the_whole(tmp_path: Path, cut: int) -> None:
    outer = tmp_path / "outer.jar"
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_STORED) as archive:
        archive.write(jar(tmp_path / "inner.jar", a="b" * 500), "lib/inner.jar")
        archive.writestr("rest", "x" * 500)
    outer.write_bytes(outer.read_bytes()[:cut])
    with pytest.raises(CorruptArtifact, match="does not end as a ZIP does"):
        check_whole(outer, "outer.jar", "here")


def test_a_page_is_no_tar(tmp_path: Path) -> None:
    (tmp_path / "page").write_text("<html>log in")
    with pytest.raises(CorruptArtifact, match=r"broker\.tgz .* does not begin as a TAR"):
        check_whole(tmp_path / "page", "broker.tgz", "here")
    check_whole(tmp_path / "page", "broker.txt", "here")


@pytest.mark.parametrize(("flag", "method"), [(1, 0), (0, 99)])
def test_an_archive_that_no_jvm_reads(tmp_path: Path, flag: int, method: int) -> None:
    with zipfile.ZipFile(tmp_path / "a.jar", "w") as archive:
        archive.writestr("a", "x")
    data = bytearray((tmp_path / "a.jar").read_bytes())
    directory = data.find(b"PK\1\2")
    data[6] = data[directory + 8] = flag
    data[8] = data[directory + 10] = method
    (tmp_path / "a.jar").write_bytes(data)
    with pytest.raises(CorruptArtifact):
        check_archive(tmp_path / "a.jar")


@settings(max_examples=150)
@given(
    st.sampled_from(
        [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    ),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=4),
    st.one_of(st.none(), st.integers(0, 10_000)),
)
def test_whatever_is_damaged_is_told_or_unknown(
    method: int, changes: list[tuple[int, int]], cut: int | None
) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Git-Commit: {COMMIT}\n" + "x" * 300)
        archive.writestr("META-INF/maven/a/b/pom.properties", "groupId=a\n" + "#" * 300)
    data = bytearray(out.getvalue())
    for place, value in changes:
        data[place % len(data)] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.jar"
        path.write_bytes(data if cut is None else data[: cut % len(data)])
        commit_in(path)
        assert len(list(jar_components(io.BytesIO(path.read_bytes()), "a.jar"))) >= 1
        for look in (check_archive, lambda path: check_whole(path, "a.jar", "here")):
            with suppress(CorruptArtifact):
                look(path)
