"""Publishing into a folder and resolving from it. Files only; nothing runs."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from provisimus.artifacts import Repositories, publish
from provisimus.artifacts.kinds.folder import FolderRepository
from provisimus.errors import ChecksumMismatch, Conflict, NotFound, UsageFault
from provisimus.model import Coordinates

COMMIT = "0123456789abcdef0123456789abcdef01234567"
NOW = 1769903999.0
GREETER = Coordinates("com.acme", "greeter", "jar", "", "1.0.0")


@pytest.fixture
def folder(tmp_path: Path) -> FolderRepository:
    return FolderRepository("releases", tmp_path / "repository")


def make_jar(
    path: Path, version: str = "1.0.0", commit: str | None = COMMIT, text: str = "hello"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        inside = "META-INF/maven/com.acme/greeter"
        pom = f"groupId=com.acme\nartifactId=greeter\nversion={version}\n"
        archive.writestr(f"{inside}/pom.properties", pom)
        archive.writestr(f"{inside}/pom.xml", "<project/>")
        if commit:
            archive.writestr("META-INF/MANIFEST.MF", f"Git-Commit: {commit}\n")
        archive.writestr("text", text)
    return path


def test_published_is_found(folder: FolderRepository, tmp_path: Path) -> None:
    file = make_jar(tmp_path / "greeter.jar")
    done = publish(folder, file)
    assert done.created
    found = Repositories((folder,)).resolve(GREETER)
    assert found == done.artifact
    assert found.commit == COMMIT
    assert found.sha256.hex == hashlib.sha256(file.read_bytes()).hexdigest()
    assert found.size == file.stat().st_size
    assert b"".join(Repositories((folder,)).read(found)) == file.read_bytes()
    with Repositories((folder,)).open(found) as path:
        assert path.read_bytes() == file.read_bytes()


def test_what_stands_beside_it(folder: FolderRepository, tmp_path: Path) -> None:
    publish(folder, make_jar(tmp_path / "greeter.jar"), now=NOW)
    names = sorted(path.name for path in folder.folder.rglob("*") if path.is_file())
    assert names == [
        "greeter-1.0.0.jar",
        "greeter-1.0.0.jar.commit",
        "greeter-1.0.0.jar.md5",
        "greeter-1.0.0.jar.sha1",
        "greeter-1.0.0.jar.sha256",
        "greeter-1.0.0.pom",
        "greeter-1.0.0.pom.md5",
        "greeter-1.0.0.pom.sha1",
        "maven-metadata.xml",
        "maven-metadata.xml.md5",
        "maven-metadata.xml.sha1",
    ]


def test_the_same_again_is_fine(folder: FolderRepository, tmp_path: Path) -> None:
    file = make_jar(tmp_path / "greeter.jar")
    publish(folder, file)
    again = publish(folder, file)
    assert not again.created
    assert again.artifact.commit == COMMIT


def test_other_bytes_are_refused(folder: FolderRepository, tmp_path: Path) -> None:
    publish(folder, make_jar(tmp_path / "one.jar"))
    with pytest.raises(Conflict, match="a release never changes"):
        publish(folder, make_jar(tmp_path / "two.jar", text="other"))
    assert Repositories((folder,)).resolve(GREETER).size == (tmp_path / "one.jar").stat().st_size


def test_a_commit_can_be_added_but_not_changed(folder: FolderRepository, tmp_path: Path) -> None:
    file = make_jar(tmp_path / "greeter.jar", commit=None)
    assert publish(folder, file).artifact.commit is None
    assert publish(folder, file, commit="abc1234").artifact.commit == "abc1234"
    with pytest.raises(Conflict, match="with commit abc1234"):
        publish(folder, file, commit="def5678")


def test_a_commit_must_agree_with_the_jar(folder: FolderRepository, tmp_path: Path) -> None:
    file = make_jar(tmp_path / "greeter.jar")
    with pytest.raises(UsageFault, match="was built from commit"):
        publish(folder, file, commit="ffff")
    assert publish(folder, file, commit=COMMIT[:8]).artifact.commit == COMMIT


def test_a_file_without_coordinates_needs_them(folder: FolderRepository, tmp_path: Path) -> None:
    file = tmp_path / "vendor.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("x", "y")
    with pytest.raises(UsageFault, match="names no coordinates"):
        publish(folder, file)
    done = publish(folder, file, Coordinates("org.v", "vendor", "zip", "", "5.18.3"), "abc")
    assert done.artifact.location.endswith("org/v/vendor/5.18.3/vendor-5.18.3.zip")


def test_snapshots_move(folder: FolderRepository, tmp_path: Path) -> None:
    wanted = Coordinates("com.acme", "greeter", "jar", "", "1.1-SNAPSHOT")
    first = publish(folder, make_jar(tmp_path / "a.jar", "1.1-SNAPSHOT"), now=NOW)
    second = publish(folder, make_jar(tmp_path / "b.jar", "1.1-SNAPSHOT", text="new"), now=NOW + 60)
    assert first.artifact.location.endswith("greeter-1.1-20260131.235959-1.jar")
    assert second.artifact.location.endswith("greeter-1.1-20260201.000059-2.jar")
    assert Repositories((folder,)).resolve(wanted) == second.artifact


def test_one_file_of_a_snapshot_can_be_pinned(folder: FolderRepository, tmp_path: Path) -> None:
    repositories = Repositories((folder,))
    wanted = Coordinates("com.acme", "greeter", "jar", "", "1.1-SNAPSHOT")
    first = publish(folder, make_jar(tmp_path / "a.jar", "1.1-SNAPSHOT"), now=NOW).artifact
    pinned = repositories.pinned(wanted)
    assert pinned.version == "1.1-20260131.235959-1"
    publish(folder, make_jar(tmp_path / "b.jar", "1.1-SNAPSHOT", text="new"), now=NOW + 60)
    assert repositories.resolve(pinned).sha256 == first.sha256
    assert repositories.resolve(wanted).sha256 != first.sha256
    assert repositories.pinned(GREETER) == GREETER
    with pytest.raises(UsageFault, match="one file of a SNAPSHOT"):
        publish(folder, make_jar(tmp_path / "c.jar"), pinned)


def test_an_unknown_version_names_the_nearest(folder: FolderRepository, tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0", "2.0.0"):
        publish(folder, make_jar(tmp_path / f"{version}.jar", version))
    with pytest.raises(NotFound, match=r"the nearest is 1\.1\.0") as caught:
        Repositories((folder,)).resolve(Coordinates("com.acme", "greeter", "jar", "", "1.1.1"))
    assert caught.value.hint == "versions: 1.0.0, 1.1.0, 2.0.0"


def test_an_unknown_packaging_says_so(folder: FolderRepository, tmp_path: Path) -> None:
    publish(folder, make_jar(tmp_path / "greeter.jar"))
    with pytest.raises(NotFound, match=r"has no file greeter-1\.0\.0\.zip"):
        Repositories((folder,)).resolve(Coordinates("com.acme", "greeter", "zip", "", "1.0.0"))


def test_an_unknown_artifact(folder: FolderRepository) -> None:
    with pytest.raises(NotFound, match=r"there is no artifact com\.acme:greeter"):
        Repositories((folder,)).resolve(GREETER)


def test_a_replaced_file_is_noticed_while_reading(folder: FolderRepository, tmp_path: Path) -> None:
    repositories = Repositories((folder,))
    found = publish(folder, make_jar(tmp_path / "greeter.jar")).artifact
    Path(found.location).write_bytes(b"something else")
    with pytest.raises(ChecksumMismatch, match="SHA-256"):
        list(repositories.read(found))
    with pytest.raises(ChecksumMismatch), repositories.open(found):
        pass


def test_a_checksum_of_maven_is_checked(folder: FolderRepository, tmp_path: Path) -> None:
    path = folder.folder / "com/acme/greeter/1.0.0/greeter-1.0.0.jar"
    make_jar(path)
    sha1 = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
    path.with_name("greeter-1.0.0.jar.sha1").write_text(sha1)
    found = Repositories((folder,)).resolve(GREETER)
    assert found.sha256.hex == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ChecksumMismatch, match="SHA1"):
        Repositories((folder,)).resolve(GREETER)


def test_what_a_killed_publisher_left_is_no_version(folder: FolderRepository) -> None:
    place = folder.folder / "com/acme/greeter/1.0.0"
    place.mkdir(parents=True)
    (place / "greeter-1.0.0.jar.sha256").write_text("0" * 64)
    (place / ".greeter-1.0.0.jar.abc.tmp").write_text("half")
    assert folder.versions("com.acme", "greeter") == ()
    assert folder.find(GREETER) is None
