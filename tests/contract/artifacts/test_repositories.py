"""Against Maven itself, a web server, and a publisher that is killed."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from provisimus.artifacts import Repositories, publish
from provisimus.artifacts.cache import Cache
from provisimus.artifacts.kinds import folder, open_repository
from provisimus.artifacts.kinds.folder import FolderRepository
from provisimus.errors import ChecksumMismatch, NotFound, ProvisimusError, Unreachable, UsageFault
from provisimus.model import Coordinates

COMMIT = "0123456789abcdef0123456789abcdef01234567"
GREETER = Coordinates("com.acme", "greeter", "jar", "", "1.0.0")
SNAPSHOT = Coordinates("com.acme", "greeter", "jar", "", "1.1-SNAPSHOT")


def make_jar(path: Path, size: int = 1000) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Git-Commit: {COMMIT}\n")
        archive.writestr("data", os.urandom(size))
    return path


def deploy(jar: Path, folder: Path, coordinates: Coordinates) -> None:
    """Maven's own deploy plugin writes into a folder. Skips where Maven cannot get the plugin."""
    if shutil.which("mvn") is None:
        pytest.skip("mvn is not installed")
    done = subprocess.run(
        [
            *("mvn", "-q", "-B", "deploy:deploy-file"),
            *(f"-Durl=file://{folder}", "-DrepositoryId=x", f"-Dfile={jar}"),
            *(f"-DgroupId={coordinates.group}", f"-DartifactId={coordinates.artifact}"),
            *(f"-Dversion={coordinates.version}", "-Dpackaging=jar"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    if "Could not transfer" in done.stdout or "could not be resolved" in done.stdout:
        pytest.skip("Maven cannot get its deploy plugin")
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(240)
def test_what_maven_deploys_is_understood(tmp_path: Path) -> None:
    jar = make_jar(tmp_path / "any.jar")
    folder = tmp_path / "repository"
    deploy(jar, folder, GREETER)
    deploy(jar, folder, SNAPSHOT)
    repositories = Repositories((FolderRepository("releases", folder),))
    found = repositories.resolve(GREETER)
    assert found.sha256.hex == hashlib.sha256(jar.read_bytes()).hexdigest()
    assert found.commit == COMMIT
    assert repositories.versions("com.acme", "greeter") == ["1.0.0", "1.1-SNAPSHOT"]
    newest = Path(repositories.resolve(SNAPSHOT).location).name
    assert newest.startswith("greeter-1.1-2")
    # And the other way round: Maven goes on in a folder that we published into.
    publish(repositories.each[0], make_jar(tmp_path / "b.jar"), SNAPSHOT)
    deploy(jar, folder, SNAPSHOT)
    last = Path(repositories.resolve(SNAPSHOT).location).name
    assert last.endswith("-3.jar")


def test_a_file_that_did_not_change_is_looked_into_once(
    tmp_path: Path, cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = FolderRepository("x", tmp_path / "repository", cache)
    place = tmp_path / "repository/com/acme/greeter/1.0.0/greeter-1.0.0.jar"
    place.parent.mkdir(parents=True)
    make_jar(place)
    first = repository.find(GREETER)
    assert first is not None
    # Just written: it may be written again within the same tick of the clock.
    assert not (cache.folder / "facts").exists()
    monkeypatch.setattr(folder, "SETTLED", -1.0)
    assert repository.find(GREETER) == first
    [known] = (cache.folder / "facts").iterdir()
    facts = json.loads(known.read_text())
    assert facts == {"sha256": first.sha256.hex, "commit": COMMIT}
    known.write_text(json.dumps({"sha256": "0" * 64, "commit": "remembered"}))
    found = repository.find(GREETER)
    assert found is not None
    assert (found.sha256.hex, found.commit) == ("0" * 64, "remembered")
    # What goes into an image is verified all the same.
    with pytest.raises(ChecksumMismatch):
        list(Repositories((repository,)).read(found))
    make_jar(place)
    again = repository.find(GREETER)
    assert again is not None
    assert again.sha256.hex == hashlib.sha256(place.read_bytes()).hexdigest()
    assert again.commit == COMMIT


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A folder, and the same folder over HTTP."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", folder
        server.shutdown()
        thread.join()


def test_reading_over_http(web: tuple[str, Path], tmp_path: Path, cache: Cache) -> None:
    url, folder = web
    jar = make_jar(tmp_path / "a.jar")
    local = FolderRepository("x", folder)
    publish(local, jar, GREETER)
    publish(local, jar, SNAPSHOT)
    repositories = Repositories((open_repository("web", url, tmp_path, cache),))
    for coordinates in (GREETER, SNAPSHOT):
        found = repositories.resolve(coordinates)
        assert found.commit == COMMIT
        assert b"".join(repositories.read(found)) == jar.read_bytes()
        with repositories.open(found) as path:
            assert path.read_bytes() == jar.read_bytes()
    with pytest.raises(NotFound, match=r"the nearest is 1\.0\.0"):
        repositories.resolve(Coordinates("com.acme", "greeter", "jar", "", "1.0.9"))
    # Python's own server takes no PUT.
    with pytest.raises(ProvisimusError, match="501"):
        publish(repositories.each[0], jar, Coordinates("com.acme", "greeter", "jar", "", "2.0"))


def test_http_without_anything_beside_the_file(
    web: tuple[str, Path], tmp_path: Path, cache: Cache
) -> None:
    url, folder = web
    place = folder / "com/acme/greeter/1.0.0"
    place.mkdir(parents=True)
    jar = make_jar(place / "greeter-1.0.0.jar")
    repositories = Repositories((open_repository("web", url, tmp_path, cache),))
    found = repositories.resolve(GREETER)
    assert (found.size, found.commit) == (jar.stat().st_size, COMMIT)
    (place / "greeter-1.0.0.jar.sha1").write_text("0" * 40)
    anew = Cache(tmp_path / "another")
    repositories = Repositories((open_repository("web", url, tmp_path, anew),))
    with pytest.raises(ChecksumMismatch):
        repositories.resolve(GREETER)


def test_no_web_server(tmp_path: Path, cache: Cache) -> None:
    repositories = Repositories((open_repository("web", "http://127.0.0.1:1", tmp_path, cache),))
    with pytest.raises(Unreachable, match="nothing answers"):
        repositories.resolve(GREETER)


def test_an_unknown_kind(tmp_path: Path, cache: Cache) -> None:
    with pytest.raises(UsageFault, match="no kind of binary repository"):
        open_repository("x", "ftp://host", tmp_path, cache)


@pytest.mark.parametrize("wait", [0.0, 0.02, 0.1])
def test_a_killed_publisher_leaves_nothing_half(tmp_path: Path, wait: float) -> None:
    jar = make_jar(tmp_path / "a.jar", 30_000_000)
    folder = tmp_path / "repository"
    script = (
        "import sys; from pathlib import Path\n"
        "from provisimus.artifacts import publish\n"
        "from provisimus.artifacts.kinds.folder import FolderRepository\n"
        "from provisimus.artifacts.maven.layout import parse_coordinates\n"
        "repository = FolderRepository('x', Path(sys.argv[2]))\n"
        "publish(repository, Path(sys.argv[1]), parse_coordinates(sys.argv[3]))\n"
    )
    arguments = [sys.executable, "-c", script, str(jar), str(folder), "com.acme:greeter:1.0.0"]
    process = subprocess.Popen(arguments)
    while process.poll() is None and not any(folder.rglob("*.tmp")):
        time.sleep(0.001)
    time.sleep(wait)
    process.send_signal(signal.SIGKILL)
    process.wait()
    repository = FolderRepository("x", folder)
    found = repository.find(GREETER)
    if found is not None:
        assert Path(found.location).read_bytes() == jar.read_bytes()
    # The next run succeeds and sweeps up.
    publish(repository, jar, GREETER)
    assert Repositories((repository,)).resolve(GREETER).commit == COMMIT
    assert not list(folder.rglob("*.tmp"))
