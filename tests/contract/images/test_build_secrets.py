"""What a RUN may see for as long as it runs, and what is left of it afterwards: nothing.

With real builders; the search goes through the registry, the workspace, temporary folders, the
engine's own data and all that was said.
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.contract.images.searching import everything_in, leaks

from provisimus.errors import NotFound, Refused, ToolFailed, ToolMissing
from provisimus.events import Said, Started
from provisimus.images.registry import open_registry
from provisimus.model import Digest

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

    from conftest import Scene

SECRETS = {"in a variable": "marker-token-2f6b", "in a file": "marker-settings-90ce"}
SETTINGS = f"<settings>\n  <password>{SECRETS['in a file']}</password>\n</settings>\n"
MANIFEST = """\
source: {maven: 'com.acme:greeter'}
secrets:
  token: {env: DEPLOY_TOKEN}
  maven_settings: {file: private/settings.xml}
"""
MOUNTS = (
    "RUN --mount=type=secret,id=token "
    "--mount=type=secret,id=maven_settings,target=/root/settings.xml "
)
HISTORY = "engine/buildkit/content/"
"""Where BuildKit keeps what its builds printed, as docs/images.md says: Docker 26's was seen to do
so, 20.10's was not; 23 brought another BuildKit."""
SEEN = "cat /run/secrets/token /root/settings.xml | busybox sha256sum > /seen"


def let_run(scene: Scene, command: str) -> None:
    """Write a template whose RUN no builder has in its cache: that knows ids, but no values."""
    run = f"{MOUNTS}: {os.urandom(4).hex()} && {command}"
    text = f'FROM {{{{ image("base") }}}}\n{run}\nCOPY {{{{ artifact.file }}}} /app/\n'
    scene.write("docker/greeter/Dockerfile.j2", text)


@pytest.fixture
def stored(tmp_path: Path, serve_registry: Serve) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "registry"
    folder.mkdir()
    with serve_registry(folder, {}) as url:
        yield url, folder


@pytest.fixture
def private(
    with_engine: Scene,
    stored: tuple[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Scene:
    """A workspace with a RUN that needs two secrets, and both of them there."""
    scene = with_engine
    scene.url = f"{stored[0]}/team"
    scene.write("provisimus.yaml", f"project: acme\nregistry: {{url: '{scene.url}'}}\n")
    scene.write("docker/greeter/manifest.yaml", MANIFEST)
    let_run(scene, SEEN)
    scene.write("private/settings.xml", SETTINGS)
    (scene.root / "docker/base/files/root").mkdir()
    (tmp_path / "scratch").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setenv("DEPLOY_TOKEN", SECRETS["in a variable"])
    return scene


@pytest.fixture(params=["BuildKit through the engine", "the client's own BuildKit", "buildah"])
def builder(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """One way to build after the other, as far as this machine has them."""
    wanted = str(request.param)
    if wanted == "buildah":
        if shutil.which("buildah") is None:
            pytest.skip("buildah is not installed")
        # It is for machines without an engine.
        monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
        return wanted
    if wanted == "BuildKit through the engine":
        asked = subprocess.run(["docker", "buildx", "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            pytest.skip("buildx goes before it")
        return wanted
    for folder in os.environ["PATH"].split(os.pathsep):
        program = Path(folder) / "docker"
        if not program.exists():
            continue
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        old = said.stdout.removeprefix("Docker version ").partition(".")[0]
        if old.isdigit() and int(old) < 23:
            monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
            return "BuildKit through docker"
    pytest.skip("no client of Docker here has BuildKit built in")


def cli(scene: Scene, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from provisimus.cli import main; main()", *arguments],
        cwd=scene.root,
        env={**os.environ, "PROVISIMUS_ENV": "ci"},
        capture_output=True,
        check=False,
    )


def file_in(scene: Scene, name: str) -> str:
    """What a file of the image says, from its newest layer that has it."""
    registry = open_registry(scene.url)
    repository = registry.repository("greeter")
    manifest = registry.manifest(repository, "1.0.0")
    assert manifest is not None
    for layer in manifest.data["layers"]:
        data = registry.blob(repository, Digest.parse(layer["digest"]))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for each in archive:
                if each.name.strip("/") == name:
                    content = archive.extractfile(each)
                    return content.read().decode() if content else ""
    raise AssertionError(name)


def searched(scene: Scene, stored: tuple[str, Path], engine: str) -> dict[str, bytes]:
    """Everything that was written; not the file that is the secret."""
    of_engine = Path(engine.removeprefix("unix://")).parent / "data"
    found = {
        **{f"registry/{name}": data for name, data in everything_in(stored[1]).items()},
        **everything_in(scene.root),
        **everything_in(Path(os.environ["TMPDIR"])),
        **{f"engine/{name}": data for name, data in everything_in(of_engine).items()},
    }
    left_out = ("private/", HISTORY) if _keeps_a_history(engine) else ("private/",)
    return {name: data for name, data in found.items() if not name.startswith(left_out)}


def _keeps_a_history(engine: str) -> bool:
    asked = ["docker", "--host", engine, "version", "--format", "{{.Server.Version}}"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True)
    return int(said.stdout.partition(".")[0]) >= 23


def test_a_run_sees_its_secrets_and_nobody_else_does(
    private: Scene, stored: tuple[str, Path], engine: str, builder: str
) -> None:
    scene = private
    environments = 'environments: {ci: {provider: aws, account: "111122223333", region: x}}\n'
    with (scene.root / "provisimus.yaml").open("a") as file:
        file.write(environments)
    let_run(scene, f"{SEEN} && cat /run/secrets/token /root/settings.xml")
    said = {}
    for command in (
        ("image", "build", "greeter@1.0.0", "--sbom", "--events", "ndjson"),
        ("image", "show", "greeter@1.0.0", "--json"),
        ("image", "show", "greeter@1.0.0", "--rendered"),
        ("image", "plan", "greeter@1.0.0", "--json"),
        ("image", "lock"),
    ):
        done = cli(scene, *command)
        assert done.returncode == 0, done.stderr.decode()
        said[" ".join(command)] = done.stdout + done.stderr
    log = next(iter(said.values())).decode()
    assert f"built by {builder}" in log
    assert "\\u2022\\u2022\\u2022" in log
    # It was there while the RUN ran.
    expected = hashlib.sha256((SECRETS["in a variable"] + SETTINGS).encode()).hexdigest()
    assert file_in(scene, "seen").split()[0] == expected
    # Failures talk more than successes do.
    let_run(scene, "cat /run/secrets/token /root/settings.xml && false")
    done = cli(scene, "image", "build", "greeter@1.0.0", "--events", "ndjson")
    assert done.returncode == 1, done.stderr.decode()
    said["failed"] = done.stdout + done.stderr
    written = searched(scene, stored, engine)
    assert sum("blobs" in name for name in written) > 8
    assert any("journal" in name for name in written)
    assert leaks({**written, **said}, SECRETS) == []


def test_a_large_one(private: Scene, builder: str) -> None:
    """More than HTTP/2 lets through before it is asked to go on."""
    assert builder
    large = "".join(f"line {number}\n" for number in range(30_000))
    private.write("private/settings.xml", large)
    private.build("greeter", "1.0.0")
    expected = hashlib.sha256((SECRETS["in a variable"] + large).encode()).hexdigest()
    assert file_in(private, "seen").split()[0] == expected


def test_a_failure_shows_last_lines_without_values(private: Scene, builder: str) -> None:
    assert builder
    let_run(private, "echo so it goes: $(cat /run/secrets/token) && false")
    with pytest.raises(ToolFailed, match="failed") as caught:
        private.build("greeter", "1.0.0")
    assert any("so it goes: •••" in line for line in caught.value.tail)
    assert SECRETS["in a variable"] not in f"{caught.value.tail} {caught.value}"


def test_a_copy_in_a_layer_is_refused(
    private: Scene, stored: tuple[str, Path], builder: str
) -> None:
    assert builder
    # Another value: the builder's cache keeps it, where the other tests search.
    private.write("private/settings.xml", "marker-copied-4d1b\n")
    let_run(private, "mkdir -p /opt/x && cat /root/settings.xml > /opt/x/copy")
    with pytest.raises(Refused, match=r"the secret maven_settings in the image: /opt/x/copy"):
        private.build("greeter", "1.0.0")
    assert leaks(everything_in(stored[1]), {"copied": "marker-copied-4d1b"}) == []
    assert private.plan("greeter", "1.0.0").image is None


def test_the_value_is_no_input_and_the_id_is(private: Scene, builder: str) -> None:
    assert builder
    first = private.build("greeter", "1.0.0")
    private.write("private/settings.xml", "<settings>other</settings>")
    private.write("docker/greeter/manifest.yaml", MANIFEST.replace("DEPLOY_TOKEN", "OTHER_TOKEN"))
    # Nothing is built, so nothing is missed.
    assert private.build("greeter", "1.0.0") == first
    private.write("docker/greeter/manifest.yaml", MANIFEST.replace("token:", "other:"))
    template = private.root / "docker/greeter/Dockerfile.j2"
    template.write_text(template.read_text().replace("id=token", "id=other"))
    assert private.plan("greeter", "1.0.0").changes


def test_a_changed_artifact_needs_no_secret(
    private: Scene, builder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert builder
    private.build("greeter", "1.0.0")
    private.publish("1.0.1", "changed")
    monkeypatch.delenv("DEPLOY_TOKEN")
    assert private.build("greeter", "1.0.1").version == "1.0.1"


def test_a_missing_one_is_told_before_anything_starts(
    private: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DEPLOY_TOKEN")
    (private.root / "private/settings.xml").unlink()
    with pytest.raises(NotFound) as caught:
        private.build("greeter", "1.0.0")
    assert caught.value.message == (
        "a secret that the build needs is not here: maven_settings (the file "
        f"{private.root}/private/settings.xml: No such file or directory), "
        "token (the variable DEPLOY_TOKEN: it is not set)"
    )
    assert caught.value.where == str(private.root / "docker/greeter/manifest.yaml")
    assert not any(isinstance(event, (Started, Said)) for event in private.told)
    assert private.plan("base").image is None


def test_builders_without_secrets_are_passed_over_with_the_reason(
    private: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with an engine whose BuildKit is out of reach."""
    monkeypatch.setattr("provisimus.images.docker_client._has_buildkit", lambda *_: False)
    monkeypatch.setattr("provisimus.images.builders.find.open_buildkit", lambda *_: None)
    why = (
        "the classic builder has no RUN --mount, --network and --security, "
        "build secrets (RUN --mount=type=secret)"
    )
    with monkeypatch.context() as without:
        without.setattr("provisimus.images.builders.find.open_buildah", lambda: None)
        with pytest.raises(ToolMissing) as caught:
            private.build("greeter", "1.0.0")
    assert why in caught.value.message
    if shutil.which("buildah") is None:
        pytest.skip("buildah is not installed")
    private.build("greeter", "1.0.0")
    said = [event.text for event in private.told if isinstance(event, Said)]
    assert said[:2] == [why, "built by buildah"]
