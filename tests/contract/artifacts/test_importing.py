"""Importing through the machine's own Maven, and from a vendor's address."""

from __future__ import annotations

import os
import shutil
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.artifacts.maven_server import MavenServer

from provisimus.artifacts import publish
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.importing import import_artifact
from provisimus.artifacts.kinds import open_repository
from provisimus.artifacts.kinds.folder import FolderRepository
from provisimus.artifacts.repositories import Repositories
from provisimus.errors import ChecksumMismatch, ProvisimusError, ToolFailed, UsageFault
from provisimus.model import Coordinates, Digest

# Java asks the system, not HOME, and so does this.
LOCAL = Path(os.path.expanduser(f"~{os.environ.get('USER', '')}")) / ".m2/repository"  # noqa: PTH111


@pytest.fixture
def repositories(tmp_path: Path, cache: Cache) -> Repositories:
    return Repositories((FolderRepository("releases", tmp_path / "releases"),), cache)


@pytest.fixture
def group() -> Iterator[str]:
    """A group that nobody has; nothing of it stays in Maven's local repository."""
    name = f"provisimus-test-{uuid.uuid4().hex[:12]}"
    yield name
    shutil.rmtree(LOCAL / name, ignore_errors=True)


@pytest.mark.timeout(240)
def test_through_maven_with_its_credentials(
    server: MavenServer,
    repositories: Repositories,
    cache: Cache,
    group: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if shutil.which("mvn") is None:
        pytest.skip("mvn is not installed")
    home = tmp_path / "home"
    (home / ".m2").mkdir(parents=True)
    (home / ".m2/settings.xml").write_text(
        f"<settings><localRepository>{LOCAL}</localRepository>"
        "<servers><server><id>ours</id><username>ci</username><password>s3cret</password>"
        "</server></servers><profiles><profile><id>p</id><repositories><repository>"
        f"<id>ours</id><url>{server.url}</url></repository></repositories></profile></profiles>"
        "<activeProfiles><activeProfile>p</activeProfile></activeProfiles></settings>"
    )
    monkeypatch.setenv("MAVEN_OPTS", f"-Duser.home={home}")
    jar = tmp_path / "any.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("x", "y")
    wanted = Coordinates(group, "broker", "jar", "", "5.1")
    monkeypatch.setenv("PROVISIMUS_ARTIFACTS_OURS_USER", "ci")
    monkeypatch.setenv("PROVISIMUS_ARTIFACTS_OURS_PASSWORD", "s3cret")
    server.basic("ci", "s3cret")
    publish(open_repository("ours", server.url, tmp_path, cache), jar, wanted)
    try:
        done = import_artifact(repositories, repositories.each[0], f"{group}:broker:5.1")
    except ToolFailed as error:
        if "PluginResolution" in "".join(error.tail):
            pytest.skip("Maven cannot get its plugin")
        raise
    assert done.artifact.sha256 == Digest.of(jar.read_bytes())
    origin = repositories.origin(done.artifact)
    place = f"{server.url}/{group}/broker/5.1/broker-5.1.jar"
    assert origin == f"{wanted} through Maven, ours: {place}"
    with pytest.raises(ToolFailed, match=r"Maven gives no .*5\.2"):
        import_artifact(repositories, repositories.each[0], f"{group}:broker:5.2")

    # A repository that keeps no checksums: then the one that is promised counts.
    other = tmp_path / "other.jar"
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("x", "z")
    server.files[f"{group}/broker/5.3/broker-5.3.jar"] = other.read_bytes()
    source, target = f"{group}:broker:5.3", repositories.each[0]
    with pytest.raises(ToolFailed, match="no checksums available") as caught:
        import_artifact(repositories, target, source)
    assert "--sha256" in str(caught.value.hint)
    with pytest.raises(ChecksumMismatch):
        import_artifact(repositories, target, source, sha256=Digest.of(b"another"))
    done = import_artifact(repositories, target, source, sha256=Digest.of(other.read_bytes()))
    assert done.created


def test_from_a_vendors_address(server: MavenServer, repositories: Repositories) -> None:
    server.files["broker.bin"] = b"broker"
    digest = Digest.of(b"broker")
    target, url = repositories.each[0], f"{server.url}/broker.bin?key=hidden"
    wanted = Coordinates("com.vendor", "broker", "bin", "", "1")
    with pytest.raises(UsageFault, match=r"shall .*broker\.bin be called"):
        import_artifact(repositories, target, url, sha256=digest)
    done = import_artifact(repositories, target, url, sha256=digest, coordinates=wanted)
    assert b"".join(repositories.read(done.artifact)) == b"broker"
    assert repositories.origin(done.artifact) == f"{server.url}/broker.bin"
    # Bytes that are here are no reason to write down an address that never gave them.
    other = f"{server.url}/other.bin"
    with pytest.raises(ProvisimusError, match="404"):
        import_artifact(repositories, target, other, sha256=digest, coordinates=wanted)
