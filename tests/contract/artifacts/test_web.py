"""Publishing to and reading from a Maven repository over HTTP, also one that misbehaves."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import threading
import uuid
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.artifacts.maven_server import MavenServer, serving

from provisimus.artifacts import Repositories, publish
from provisimus.artifacts.archives import CorruptArtifact
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import sums_of
from provisimus.artifacts.interface import Repository
from provisimus.artifacts.kinds import open_repository
from provisimus.errors import ChecksumMismatch, Conflict, ProvisimusError, Unreachable, UsageFault
from provisimus.model import Coordinates

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GREETER = Coordinates("com.acme", "greeter", "jar", "", "1.0.0")
SNAPSHOT = Coordinates("com.acme", "greeter", "jar", "", "1.1-SNAPSHOT")
PLACE = "com/acme/greeter/1.0.0/greeter-1.0.0.jar"


def make_jar(path: Path, size: int = 5000, commit: str = COMMIT) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        if commit:
            archive.writestr("META-INF/MANIFEST.MF", f"Git-Commit: {commit}\n")
        archive.writestr("data", os.urandom(size))
    return path


@pytest.fixture
def jar(tmp_path: Path) -> Path:
    return make_jar(tmp_path / "any.jar")


@pytest.fixture
def repository(server: MavenServer, tmp_path: Path, cache: Cache) -> Repository:
    return open_repository("web", server.url, tmp_path, cache)


@pytest.mark.parametrize("headers", [True, False])
def test_what_is_published_is_found(
    server: MavenServer, repository: Repository, jar: Path, *, headers: bool
) -> None:
    server.checksum_headers = headers
    repositories = Repositories((repository,))
    for coordinates in (GREETER, SNAPSHOT):
        done = publish(repository, jar, coordinates)
        assert done.created
        found = repositories.resolve(coordinates)
        assert found == done.artifact
        assert (found.commit, found.size) == (COMMIT, jar.stat().st_size)
        assert b"".join(repositories.read(found)) == jar.read_bytes()
        with repositories.open(found) as path:
            assert path.read_bytes() == jar.read_bytes()
    assert repositories.versions("com.acme", "greeter") == ["1.0.0", "1.1-SNAPSHOT"]
    assert repositories.artifacts() == ([], ["web"])
    names = sorted(each.rpartition("/")[2] for each in server.files if "/1.0.0/" in each)
    assert names == [
        f"greeter-1.0.0.jar{suffix}" for suffix in ("", ".commit", ".md5", ".sha1", ".sha256")
    ]


def test_a_snapshot_is_its_newest_file(repository: Repository, tmp_path: Path) -> None:
    publish(repository, make_jar(tmp_path / "a.jar"), SNAPSHOT, now=1769903999.0)
    newest = make_jar(tmp_path / "b.jar")
    pinned = Repositories((repository,)).pinned(SNAPSHOT)
    done = publish(repository, newest, SNAPSHOT, now=1769904059.0)
    found = Repositories((repository,)).resolve(pinned)
    assert b"".join(repository.read(found)) == (tmp_path / "a.jar").read_bytes()
    assert done.artifact.location.endswith("/greeter-1.1-20260201.000059-2.jar")
    assert b"".join(repository.read(done.artifact)) == newest.read_bytes()


@pytest.mark.parametrize("status", [0, 400, 403, 409])
def test_a_release_never_changes(
    server: MavenServer, repository: Repository, jar: Path, tmp_path: Path, status: int
) -> None:
    server.immutable = status
    publish(repository, jar, GREETER)
    before = dict(server.files)
    assert not publish(repository, jar, GREETER).created
    with pytest.raises(Conflict, match="a release never changes"):
        publish(repository, make_jar(tmp_path / "other.jar"), GREETER)
    assert server.files == before


def test_of_two_at_once_one_wins(server: MavenServer, tmp_path: Path, cache: Cache) -> None:
    jars = [make_jar(tmp_path / f"{n}.jar", 200_000) for n in range(4)]
    outcomes: list[object] = []

    def attempt(jar: Path) -> None:
        repository = open_repository("web", server.url, tmp_path, cache)
        try:
            outcomes.append(publish(repository, jar, GREETER).created)
        except Conflict:
            outcomes.append("conflict")

    threads = [threading.Thread(target=attempt, args=(jar,)) for jar in jars]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(map(str, outcomes)) == ["True", "conflict", "conflict", "conflict"]
    found = open_repository("web", server.url, tmp_path, cache).find(GREETER)
    assert found is not None
    assert found.sha256.hex == hashlib.sha256(server.files[PLACE]).hexdigest()


def test_passing_faults_are_tried_again(
    server: MavenServer, repository: Repository, jar: Path
) -> None:
    server.faults.extend(
        [
            ("PUT", "1.0.0.jar", "cut"),
            ("PUT", "1.0.0.jar", 503),
            ("HEAD", ".jar", 500),
            ("GET", "metadata", 429),
            ("GET", ".jar", "cut"),
        ]
    )
    found = publish(repository, jar, GREETER).artifact
    assert b"".join(repository.read(found)) == jar.read_bytes()
    assert not server.faults


def test_an_answer_that_was_lost_is_no_conflict(
    server: MavenServer, repository: Repository, jar: Path
) -> None:
    server.files[PLACE] = jar.read_bytes()
    # The first question is answered wrongly: as if the file came between question and PUT.
    server.faults.append(("HEAD", ".jar", 404))
    assert not publish(repository, jar, GREETER).created
    assert f"{PLACE}.sha256" in server.files


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_download_goes_on(
    server: MavenServer, repository: Repository, tmp_path: Path, *, ranges: bool
) -> None:
    jar = make_jar(tmp_path / "big.jar", 3_000_000)
    found = publish(repository, jar, GREETER).artifact
    server.ranges = ranges
    server.faults.extend([("GET", ".jar", "cut")] * 3)
    server.seen.clear()
    assert b"".join(Repositories((repository,)).read(found)) == jar.read_bytes()
    assert len(server.seen) == 4
    assert all(" bytes=" in each for each in server.seen[1:])


def test_a_file_that_changes_meanwhile_is_not_put(
    server: MavenServer, repository: Repository, jar: Path
) -> None:
    sums = sums_of(jar)
    jar.write_bytes(jar.read_bytes()[:-1] + b"x")
    with pytest.raises(ChecksumMismatch):
        repository.put(PLACE, jar, sums, {}, replace=False)
    assert server.files == {}


def test_a_download_that_never_comes_is_given_up(
    server: MavenServer, repository: Repository, jar: Path
) -> None:
    found = publish(repository, jar, GREETER).artifact
    server.faults.extend([("GET", ".jar", "cut")] * 40)
    server.files[PLACE] = b""
    with pytest.raises((Unreachable, ChecksumMismatch)):
        list(Repositories((repository,)).read(found))


def test_other_bytes_are_noticed(server: MavenServer, repository: Repository, jar: Path) -> None:
    found = publish(repository, jar, GREETER).artifact
    server.faults.append(("GET", ".jar", "lie"))
    with pytest.raises(ChecksumMismatch):
        list(Repositories((repository,)).read(found))
    server.faults.append(("GET", ".jar", "lie"))
    with pytest.raises(ChecksumMismatch), repository.local_path(found):
        pass
    with repository.local_path(found) as path:
        assert path.read_bytes() == jar.read_bytes()


def test_a_second_look_costs_one_question(
    server: MavenServer, repository: Repository, jar: Path
) -> None:
    publish(repository, jar, GREETER)
    repository.find(GREETER)
    server.seen.clear()
    assert repository.find(GREETER) is not None
    assert server.seen == [f"HEAD {PLACE}"]


def test_below_a_path(server: MavenServer, jar: Path, tmp_path: Path, cache: Cache) -> None:
    repository = open_repository("web", f"{server.url}/maven/releases", tmp_path, cache)
    found = publish(repository, jar, GREETER).artifact
    assert found.location == f"{server.url}/maven/releases/{PLACE}"
    assert b"".join(repository.read(found)) == jar.read_bytes()
    assert {each.split("/")[0] for each in server.files} == {"maven"}


def test_a_page_is_no_file(server: MavenServer, repository: Repository) -> None:
    server.page = True
    with pytest.raises(ProvisimusError, match=r"maven-metadata\.xml .* cannot be read"):
        repository.versions("com.acme", "greeter")
    with pytest.raises(ProvisimusError, match="a page instead of a file"):
        repository.find(GREETER)


def test_a_jar_that_was_cut_before_it_came_here(
    server: MavenServer, repository: Repository, jar: Path
) -> None:
    server.files[PLACE] = jar.read_bytes()[:-30]
    with pytest.raises(CorruptArtifact, match="does not end as a ZIP does") as caught:
        repository.find(GREETER)
    assert caught.value.where == f"{server.url}/{PLACE}"
    server.files[PLACE] = jar.read_bytes()
    assert repository.find(GREETER) is not None


def test_a_vendors_jar_is_looked_into_once(
    server: MavenServer, repository: Repository, tmp_path: Path
) -> None:
    server.files[PLACE] = make_jar(tmp_path / "vendor.jar", commit="").read_bytes()
    sha1 = hashlib.sha1(server.files[PLACE], usedforsecurity=False).hexdigest()
    server.files[f"{PLACE}.sha1"] = f"{sha1}  greeter.jar\n".encode()
    for _ in range(2):
        found = repository.find(GREETER)
        assert found is not None
        assert found.commit is None
        assert b"".join(repository.read(found)) == server.files[PLACE]
    assert server.seen.count(f"GET {PLACE}") == 1


class TestCredentials:
    """Every way to say who we are, and that nothing tells it to anybody else."""

    @pytest.fixture(autouse=True)
    def guarded(self, server: MavenServer) -> None:
        server.basic("ci", "s3cret")

    def test_without_any_the_error_says_how(self, repository: Repository) -> None:
        with pytest.raises(ProvisimusError, match="401") as caught:
            repository.find(GREETER)
        assert "PROVISIMUS_ARTIFACTS_WEB_USER" in (caught.value.hint or "")

    def test_environment(
        self, repository: Repository, jar: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_USER", "ci")
        monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_PASSWORD", "s3cret")
        assert publish(repository, jar, GREETER).created

    def test_token(
        self,
        server: MavenServer,
        repository: Repository,
        jar: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        server.wanted = "Bearer t0ken"
        monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_TOKEN", "t0ken")
        assert publish(repository, jar, GREETER).created

    def test_settings_of_maven(
        self, repository: Repository, jar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CI_PASSWORD", "s3cret")
        settings = tmp_path / "home/.m2/settings.xml"
        settings.parent.mkdir(parents=True)
        settings.write_text(
            '<settings xmlns="https://settings.example/1.2.0"><servers><server>'
            "<id>web</id><username>ci</username><password>${env.CI_PASSWORD}</password>"
            "</server></servers></settings>"
        )
        assert publish(repository, jar, GREETER).created

    def test_netrc(self, repository: Repository, jar: Path, tmp_path: Path) -> None:
        netrc = tmp_path / "home/.netrc"
        netrc.parent.mkdir()
        netrc.write_text("machine 127.0.0.1 login ci password s3cret\n")
        netrc.chmod(0o600)
        assert publish(repository, jar, GREETER).created

    def test_wrong_ones_are_not_shown(
        self, repository: Repository, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_TOKEN", "t0ken")
        with pytest.raises(ProvisimusError) as caught:
            repository.find(GREETER)
        said = f"{caught.value} {caught.value.where} {caught.value.hint} {repository!r}"
        assert "t0ken" not in said

    def test_a_storage_elsewhere_never_sees_them(
        self,
        server: MavenServer,
        repository: Repository,
        jar: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_USER", "ci")
        monkeypatch.setenv("PROVISIMUS_ARTIFACTS_WEB_PASSWORD", "s3cret")
        found = publish(repository, jar, GREETER).artifact
        with serving(MavenServer(files=server.files)) as storage:
            server.elsewhere = storage.url
            assert b"".join(repository.read(found)) == jar.read_bytes()
            assert storage.signed == [""]
            storage.faults.append(("GET", ".jar", 403))
            with pytest.raises(ProvisimusError, match="403") as caught:
                list(repository.read(found))
        assert "signature" not in f"{caught.value} {caught.value.where}"

    def test_an_address_must_not_hold_them(self, tmp_path: Path, cache: Cache) -> None:
        with pytest.raises(UsageFault, match="holds credentials") as caught:
            open_repository("web", "https://ci:s3cret@host/maven", tmp_path, cache)
        assert "s3cret" not in f"{caught.value} {caught.value.hint}"


@pytest.mark.timeout(240)
def test_maven_itself_reads_what_we_publish_and_we_what_it_deploys(
    server: MavenServer, repository: Repository, jar: Path, tmp_path: Path
) -> None:
    if shutil.which("mvn") is None:
        pytest.skip("mvn is not installed")
    # Maven keeps what it got in a repository of its own, by these names: none that others use.
    group = f"com.acme.t{uuid.uuid4().hex}"
    snapshot = replace(SNAPSHOT, group=group)
    pom = f"<project><modelVersion>4.0.0</modelVersion><groupId>{group}</groupId>"
    with zipfile.ZipFile(jar, "a") as archive:
        archive.writestr(
            f"META-INF/maven/{group}/greeter/pom.xml",
            pom + "<artifactId>greeter</artifactId><version>1.1-SNAPSHOT</version></project>",
        )
    publish(repository, jar, snapshot)
    publish(repository, jar, snapshot)
    goal = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get"
    maven(
        [goal, f"-DremoteRepositories=web::default::{server.url}", "-Dtransitive=false"],
        f"-Dartifact={group}:greeter:1.1-SNAPSHOT",
    )
    asked = [each for each in server.seen if each.endswith("-1.jar")]
    assert f"GET {asked[-1].split()[1]}" in server.seen
    maven(
        ["deploy:deploy-file", f"-Durl={server.url}", "-DrepositoryId=web", f"-Dfile={jar}"],
        *(f"-DgroupId={group}", "-DartifactId=greeter", "-Dversion=1.1-SNAPSHOT"),
    )
    found = Repositories((repository,)).resolve(snapshot)
    assert found.location.endswith("-2.jar")
    assert b"".join(repository.read(found)) == jar.read_bytes()


def maven(arguments: list[str], *more: str) -> None:
    """Skips where Maven cannot get a plugin."""
    done = subprocess.run(
        ["mvn", "-q", "-B", *arguments, *more],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    if "could not be resolved" in done.stdout and "plugin" in done.stdout.lower():
        pytest.skip("Maven cannot get its plugin")
    assert done.returncode == 0, done.stdout
