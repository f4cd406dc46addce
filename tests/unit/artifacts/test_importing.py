"""What is asked of Maven, what is made of its answer, and imports of files."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.importing import (
    copy_argv,
    import_artifact,
    origin_of_maven,
    reason_of_maven,
)
from provisimus.artifacts.kinds.folder import FolderRepository
from provisimus.artifacts.repositories import Repositories
from provisimus.errors import ChecksumMismatch, Conflict, NotFound, UsageFault
from provisimus.model import Coordinates, Digest

BROKER = Coordinates("org.apache.activemq", "apache-activemq", "tar.gz", "bin", "5.18.3")


def test_the_command_line() -> None:
    assert "--lax-checksums" in copy_argv(BROKER, Path("/there"), promised=True)
    assert copy_argv(BROKER, Path("/there"), promised=False) == [
        "mvn",
        "--batch-mode",
        "-Dstyle.color=never",
        "--strict-checksums",
        "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy",
        "-Dartifact=org.apache.activemq:apache-activemq:5.18.3:tar.gz:bin",
        "-DoutputDirectory=/there",
        "-Dmdep.useBaseVersion=true",
    ]


def test_where_maven_took_it_from() -> None:
    name = "apache-activemq-5.18.3-bin.tar.gz"
    lines = [
        "Downloading from mirror: https://host/maven/x.pom",
        f"Downloaded from mirror: https://host/maven/{name} (70 MB at 9 MB/s)",
        "[INFO] BUILD SUCCESS",
    ]
    assert origin_of_maven(BROKER, name, lines) == (
        f"{BROKER} through Maven, mirror: https://host/maven/{name}"
    )
    assert origin_of_maven(BROKER, name, []).endswith("from its local repository")


def test_why_maven_failed() -> None:
    line = (
        "[ERROR] Failed to execute goal org.apache.maven.plugins:maven-dependency-plugin:3.6.1:"
        "copy (default-cli) on project standalone-pom: Unable to find artifact. -> [Help 1]"
    )
    assert reason_of_maven(["[INFO] x", line]) == "Unable to find artifact."
    assert reason_of_maven([]) == ""


@pytest.fixture
def repositories(tmp_path: Path) -> Repositories:
    folder = FolderRepository("releases", tmp_path / "repository")
    return Repositories((folder,), Cache(tmp_path / "cache"))


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "broker.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("broker/x"))
    return path


def test_a_file(repositories: Repositories, archive: Path) -> None:
    target = repositories.each[0]
    done = import_artifact(repositories, target, str(archive), coordinates=BROKER)
    assert done.created
    assert repositories.origin(done.artifact) == "file broker.tar.gz"
    # The first who said where it is from is believed.
    again = import_artifact(
        repositories, target, str(archive), coordinates=BROKER, origin="elsewhere"
    )
    assert not again.created
    assert repositories.origin(repositories.resolve(BROKER)) == "file broker.tar.gz"
    archive.write_bytes(tarfile_of("y"))
    with pytest.raises(Conflict):
        import_artifact(repositories, target, str(archive), coordinates=BROKER)


def tarfile_of(name: str) -> bytes:
    import io

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo(name))
    return out.getvalue()


def test_what_cannot_be(repositories: Repositories, archive: Path) -> None:
    target = repositories.each[0]
    other = Digest("0" * 64)
    with pytest.raises(ChecksumMismatch):
        import_artifact(repositories, target, str(archive), coordinates=BROKER, sha256=other)
    with pytest.raises(UsageFault, match="names no coordinates"):
        import_artifact(repositories, target, str(archive))
    with pytest.raises(UsageFault, match="needs the checksum"):
        import_artifact(repositories, target, "https://vendor.example/x")
    with pytest.raises(NotFound, match="there is no file"):
        import_artifact(repositories, target, "nope.tar.gz")
    with pytest.raises(UsageFault, match="no coordinates"):
        import_artifact(repositories, target, "a:b:c:d:e:f")
