"""Bad input to the real program: what, where, what next, an exit code, and nothing half-published.

Each is asked as a build server would, with `--json`; then it is mended, and the next run succeeds.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.contract.conftest import wait_for

from provisimus.images.registry import open_registry

if TYPE_CHECKING:
    from conftest import Scene

PROGRAM = (sys.executable, "-c", "from provisimus.cli import main; main()")
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def asked(scene: Scene) -> Scene:
    """A scene whose environment starts no local cloud."""
    return at(scene, scene.url)


def at(scene: Scene, url: str) -> Scene:
    scene.url = url
    scene.write(
        "provisimus.yaml",
        f"project: acme\nregistry: {{url: '{url}'}}\n"
        'environments: {ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n',
    )
    return scene


def run(scene: Scene, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments, "--env", "ci", "--json"]
    done = subprocess.run(command, cwd=scene.root, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done


def refused(scene: Scene, name: str, status: int) -> dict[str, Any]:
    """What a build says on stderr; nothing has got a name."""
    done = run(scene, "image", "build", name, "--quiet")
    assert (done.returncode, done.stdout) == (status, "")
    told: dict[str, Any] = json.loads(done.stderr)
    client = open_registry(scene.url)
    assert client.tags(client.repository(name.partition("@")[0])) == []
    return told


def test_a_jar_that_was_cut(asked: Scene) -> None:
    place = asked.root / "artifacts/com/acme/greeter/2.0/greeter-2.0.jar"
    place.parent.mkdir()
    whole = (asked.root / "artifacts/com/acme/greeter/1.0.0/greeter-1.0.0.jar").read_bytes()
    place.write_bytes(whole[:-40])
    told = refused(asked, "greeter@2.0", 1)
    assert told["error"] == "CorruptArtifact"
    assert told["where"] == str(place)
    assert "artifact publish" in told["hint"]
    place.write_bytes(whole)
    assert run(asked, "image", "build", "greeter@2.0").returncode == 0


def test_a_jar_that_is_another_than_promised(asked: Scene) -> None:
    place = asked.root / "artifacts/com/acme/greeter/1.0.0/greeter-1.0.0.jar"
    whole = place.read_bytes()
    place.write_bytes(whole.replace(b"hello", b"other"))
    told = refused(asked, "greeter@1.0.0", 1)
    assert (told["error"], told["where"]) == ("ChecksumMismatch", str(place))
    assert "publish it again" in told["hint"]
    place.write_bytes(whole)
    assert run(asked, "image", "build", "greeter@1.0.0").returncode == 0


def test_a_version_that_is_not_there(asked: Scene) -> None:
    told = refused(asked, "greeter@1.0.3", 1)
    assert told["message"].endswith("the nearest is 1.0.0")
    assert told["hint"] == "versions: 1.0.0"


@pytest.mark.parametrize(
    ("template", "line", "said"),
    [
        ('FROM {{ image("bsae") }}', 1, "there is no image 'bsae'"),
        ('FROM scratch\nCOPY --from={{ image("greeter") }} / /', 2, "in a circle"),
        ("FROM scratch\n{% for each in vars %}", 2, "this is no Jinja2"),
        ("FROM {% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", 1, "calls itself without end"),
        ("FROM scratch\n{{ '{:99999999999}'.format(1) }}", 2, "it makes more than fits"),
        ("FROM scratch\nCOPY nope /", 2, "there is no nope"),
    ],
)
def test_a_template(asked: Scene, template: str, line: int, said: str) -> None:
    before = (asked.root / "docker/base/Dockerfile.j2").read_text()
    place = asked.write("docker/base/Dockerfile.j2", template)
    told = refused(asked, "greeter@1.0.0", 3)
    (problem,) = told["problems"]
    assert (problem["file"], problem["line"]) == (str(place), line)
    assert said in problem["message"]
    place.write_text(before)
    assert run(asked, "image", "build", "greeter@1.0.0").returncode == 0


def test_a_vendors_image_that_is_gone(asked: Scene) -> None:
    host = asked.url.partition("/")[0]
    asked.image("vendor", f'version: "1"\nsource: {{image: "{host}/nobody@{NOWHERE}"}}\n')
    told = refused(asked, "vendor", 1)
    assert told["error"] == "NotFound"
    assert told["where"] == "the source: of vendor in its manifest.yaml"
    assert "is the digest right?" in told["hint"]


def test_a_vendor_who_is_gone(asked: Scene) -> None:
    asked.image("vendor", f'version: "1"\nsource: {{image: "127.0.0.1:1/x@{NOWHERE}"}}\n')
    told = refused(asked, "vendor", 1)
    assert told["error"] == "Unreachable"
    source = f'version: "1"\nsource: {{url: "http://127.0.0.1:1/x.jar", sha256: "{"0" * 64}"}}\n'
    asked.image("vendor", source, "FROM scratch\nCOPY {{ artifact.file }} /\n")
    told = refused(asked, "vendor", 1)
    assert told["where"] == "http://127.0.0.1:1/x.jar"
    assert "run it again" in told["hint"]


def test_an_option_that_is_none(asked: Scene) -> None:
    done = run(asked, "image", "plan", "--nope")
    assert done.returncode == 2
    assert json.loads(done.stderr)["message"] == "No such option '--nope'"


@contextmanager
def registry_on(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    config = {
        "version": 0.1,
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "config.yml").write_text(json.dumps(config))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")], stdout=log, stderr=log
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/v2/", folder / "log")
        yield process
    finally:
        process.kill()
        process.wait(10)


def test_a_registry_that_is_killed_in_the_middle_of_an_upload(
    scene: Scene, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("killed")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    asked = at(scene, f"127.0.0.1:{port}/killed")
    jar = asked.root / "artifacts/com/acme/greeter/3.0/greeter-3.0.jar"
    jar.parent.mkdir()
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("noise", os.urandom(100 << 20))
    uploads = folder / "data/docker/registry/v2/repositories/killed/greeter/_uploads"
    with registry_on(folder, port) as registry:
        assert run(asked, "image", "build", "base").returncode == 0
        command = [*PROGRAM, "image", "build", "greeter@3.0", "--env", "ci", "--json", "--quiet"]
        with subprocess.Popen(command, cwd=asked.root, stderr=subprocess.PIPE) as build:
            deadline = time.monotonic() + 60
            while not any(each.stat().st_size for each in uploads.glob("*/data")):
                assert build.poll() is None and time.monotonic() < deadline
                time.sleep(0.001)
            registry.kill()
            _, said = build.communicate(timeout=60)
    told = json.loads(said)
    assert (build.returncode, told["error"]) == (1, "Unreachable")
    assert "broke off an upload 3 times" in told["message"]
    assert told["hint"] == "nothing was published; the same command goes on from here"
    with registry_on(folder, port):
        assert "3.0" not in open_registry(asked.url).tags("killed/greeter")
        assert run(asked, "image", "build", "greeter@3.0").returncode == 0
        assert run(asked, "image", "verify", "greeter@3.0").returncode == 0
