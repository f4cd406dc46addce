"""A workspace with a small base and a service on it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provisimus.artifacts import open_repositories, publish
from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.events import Event
from provisimus.images import ImagePlan, build_image, plan_image
from provisimus.localcloud.bridge import make_bridge, remove_bridge
from provisimus.model import ContainerImage, Coordinates
from provisimus.workspace import Workspace, open_workspace

BUSYBOX = shutil.which("busybox")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Scene:
    """A workspace on disk and what a build told. Each scene has its own names in the registry."""

    root: Path
    url: str
    told: list[Event] = field(default_factory=list)

    @property
    def workspace(self) -> Workspace:
        return open_workspace(self.root)

    @property
    def environment(self) -> Environment:
        return Environment("local", Cloud("eu-west-1", None, None, None), self.url)

    def write(self, path: str, text: str) -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def image(self, name: str, manifest: str, template: str | None = None) -> None:
        self.write(f"docker/{name}/manifest.yaml", manifest)
        if template is not None:
            self.write(f"docker/{name}/Dockerfile.j2", template)

    def publish(self, version: str, text: str = "hello") -> None:
        path = self.root / "greeter.jar"
        with zipfile.ZipFile(path, "w") as archive:
            stamp = (2026, 1, 1, 0, 0, 0)
            manifest = zipfile.ZipInfo("META-INF/MANIFEST.MF", stamp)
            archive.writestr(manifest, f"Git-Commit: {COMMIT}\n")
            archive.writestr(zipfile.ZipInfo("text", stamp), text)
        repository = open_repositories(self.workspace).each[0]
        publish(repository, path, Coordinates("com.acme", "greeter", "jar", "", version))

    def plan(self, name: str, version: str | None = None) -> ImagePlan:
        return plan_image(self.workspace, self.environment, name, version)

    def build(self, name: str, version: str | None = None) -> ContainerImage:
        self.told.clear()
        return build_image(self.plan(name, version), self.environment, self.told.append, "run-1")


@pytest.fixture(scope="session")
def open_scene(registry_url: str) -> Callable[[Path], Scene]:
    """Empty workspaces with names of their own in the registry."""

    def make(root: Path) -> Scene:
        scene = Scene(root, f"{registry_url}/s{os.urandom(4).hex()}")
        scene.write("provisimus.yaml", f"project: acme\nregistry: {{url: '{scene.url}'}}\n")
        return scene

    return make


@pytest.fixture
def new_scene(registry_url: str, tmp_path: Path) -> Callable[[str], Scene]:
    """Workspaces with `base` (files over scratch) and `greeter` on it; told apart by a prefix."""

    def make(prefix: str) -> Scene:
        scene = Scene(tmp_path / prefix, f"{registry_url}/{prefix}")
        scene.write("provisimus.yaml", f"project: acme\nregistry: {{url: '{scene.url}'}}\n")
        scene.image(
            "base",
            'version: "1"\n',
            "FROM scratch\nCOPY files /\nENV PATH=/bin\nEXPOSE 1\nLABEL layer=base\n",
        )
        scene.write("docker/base/files/usr/bin/tool", "#!/bin/sh\n").chmod(0o755)
        (scene.root / "docker/base/files/bin").symlink_to("usr/bin")
        scene.image(
            "greeter",
            "source: {maven: 'com.acme:greeter'}\nvars: {port: 8080}\nlabels: {team: blue}\n",
            'FROM {{ image("base") }}\nCOPY {{ artifact.file }} /app/greeter.jar\n'
            'EXPOSE {{ vars.port }}\nUSER 1000:1000\nENTRYPOINT ["tool", "/app/greeter.jar"]\n',
        )
        scene.publish("1.0.0")
        return scene

    return make


@pytest.fixture
def scene(new_scene: Callable[[str], Scene]) -> Scene:
    return new_scene(f"t{os.urandom(4).hex()}")


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    program = shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin")
    if os.geteuid() != 0 or program is None or shutil.which("docker") is None:
        pytest.skip("a private Docker Engine needs root, dockerd and docker")
    # Unix sockets have short paths only.
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    host = f"unix://{folder}/sock"
    arguments = [
        *(program, "--data-root", f"{folder}/data", "--exec-root", f"{folder}/exec"),
        *("--pidfile", f"{folder}/pid", "--host", host, "--iptables=false", "--ip6tables=false"),
        *("--bridge", make_bridge(folder) or "docker0"),
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        asking = ["docker", "--host", host, "version"]
        while subprocess.run(asking, capture_output=True, check=False).returncode:
            if process.poll() is not None or time.monotonic() > deadline:
                said = (folder / "log").read_text()[-300:]
                pytest.fail(f"dockerd does not start here: {said}")
            time.sleep(0.1)
        yield host
    finally:
        process.terminate()
        process.wait(30)
        remove_bridge(folder)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def with_engine(scene: Scene, engine: str, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """The scene's base gets a real shell, so that RUN and tests do something."""
    if BUSYBOX is None:
        pytest.skip("busybox is not installed")
    monkeypatch.setenv("DOCKER_HOST", engine)
    files = scene.root / "docker/base/files"
    shutil.copy(BUSYBOX, files / "usr/bin/busybox")
    for name in ("sh", "echo", "mkdir", "cat", "httpd"):
        (files / "usr/bin" / name).symlink_to("busybox")
    return scene
