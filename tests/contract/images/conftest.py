"""A workspace with a small base and a service on it."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provisimus.artifacts import open_repositories, publish
from provisimus.aws import Cloud
from provisimus.environment import Environment
from provisimus.events import Event
from provisimus.images import ImagePlan, build_image, plan_image
from provisimus.model import ContainerImage, Coordinates
from provisimus.workspace import Workspace, open_workspace

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
