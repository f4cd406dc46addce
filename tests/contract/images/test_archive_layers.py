"""`layers: auto` with an unpacked archive: the same image as without, and small pushes."""

from __future__ import annotations

import io
import random
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from provisimus.artifacts import open_repositories, publish
from provisimus.events import Event, Progress, Warned
from provisimus.images import auto_layers, build_image
from provisimus.images.registry import open_registry
from provisimus.images.verify import verify_image
from provisimus.model import ContainerImage, Coordinates, Digest

if TYPE_CHECKING:
    from conftest import Scene

NOISE = random.Random(7).randbytes(3 << 20)
LIBRARY = 300_000
"""Bytes of one library: it is worth a layer."""


def jar(*names: str, start: int = 0) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), name)
        noise = zipfile.ZipInfo("noise", (2026, 1, 1, 0, 0, 0))
        archive.writestr(noise, NOISE[start : start + LIBRARY])
    return out.getvalue()


def files(version: str) -> dict[str, tuple[int, bytes]]:
    own = jar("com/acme/core/Core.class", f"released with {version}", start=1)
    return {
        "lib/netty-4.1.jar": (0o644, jar("io/netty/A.class")),
        f"lib/broker-{version}.jar": (0o600, own),
        "lib/core.jar": (0o644, own),
        "lib/next-1-SNAPSHOT.jar": (0o644, jar("x")),
        "share/model.bin": (0o640, NOISE[: 2 << 20]),
        "bin/start": (0o755, b"#!/bin/sh\n"),
        "conf/empty": (0o644, b""),
        "conf/settings": (0o644, f"version={version}\n".encode()),
    }


def publish_archive(scene: Scene, version: str) -> None:
    path = scene.root / "broker.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, mode in (("lib", 0o750), ("data", 0o777)):
            folder = tarfile.TarInfo(f"broker-{version}/{name}")
            folder.type, folder.mode = tarfile.DIRTYPE, mode
            archive.addfile(folder)
        for name, (mode, content) in files(version).items():
            info = tarfile.TarInfo(f"broker-{version}/{name}")
            info.mode, info.size = mode, len(content)
            archive.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo(f"broker-{version}/current")
        link.type, link.linkname = tarfile.SYMTYPE, "lib"
        archive.addfile(link)
    repository = open_repositories(scene.workspace).each[0]
    publish(repository, path, Coordinates("com.acme", "broker", "tar.gz", "bin", version))


def define(scene: Scene, layers: str) -> None:
    scene.image(
        "broker",
        "source: {maven: 'com.acme:broker:tar.gz:bin', unpack: true, strip: 1}\n"
        f"layers: {layers}\n",
        'FROM {{ image("base") }}\nENV A=b\n'
        "COPY --chown=5:6 {{ artifact.folder }}/ /opt/broker/\n"
        'WORKDIR /opt/broker\nENTRYPOINT ["bin/start"]\n',
    )


def build(scene: Scene, version: str, layers: str) -> ContainerImage:
    define(scene, layers)
    return scene.build("broker", version)


def layers_of(scene: Scene, built: ContainerImage) -> list[tuple[str, int]]:
    registry = open_registry(scene.url)
    manifest = registry.manifest(registry.repository(built.name), str(built.digest))
    assert manifest is not None
    return [(each["digest"], each["size"]) for each in manifest.data["layers"]]


def file_system(scene: Scene, built: ContainerImage) -> dict[str, tuple[object, ...]]:
    """What the layers on each other give; a later one's word counts."""
    registry = open_registry(scene.url)
    merged: dict[str, tuple[object, ...]] = {}
    for digest, _ in layers_of(scene, built):
        data = registry.blob(registry.repository(built.name), Digest.parse(digest))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for each in archive:
                content = archive.extractfile(each) if each.isreg() else None
                read = content.read() if content else each.linkname
                owner = (each.uid, each.gid, each.mtime)
                merged[each.name] = (each.type, each.mode, *owner, read)
    return merged


def settings(scene: Scene, built: ContainerImage) -> dict[str, Any]:
    import json

    registry = open_registry(scene.url)
    repository = registry.repository(built.name)
    manifest = registry.manifest(repository, str(built.digest))
    assert manifest is not None
    digest = Digest.parse(manifest.data["config"]["digest"])
    config: dict[str, Any] = json.loads(registry.blob(repository, digest))
    del config["rootfs"], config["history"], config["config"]["Labels"]["provisimus.fingerprint"]
    return config


def warned(scene: Scene) -> list[str]:
    texts = [each.text for each in scene.told if isinstance(each, Warned)]
    return [text for text in texts if "layers: auto" in text]


def test_the_same_image_in_layers(scene: Scene) -> None:
    publish_archive(scene, "1.0")
    fat = build(scene, "1.0", "fat")
    auto = build(scene, "1.0", "auto")
    assert not warned(scene)
    assert file_system(scene, auto) == file_system(scene, fat)
    assert settings(scene, auto) == settings(scene, fat)
    assert len(layers_of(scene, fat)) == 2
    # The base; libraries, the model, own libraries, snapshots, the rest.
    assert len(layers_of(scene, auto)) == 6
    verified = verify_image(scene.plan("broker", "1.0"))
    assert verified.same


def test_the_next_release_pushes_what_changed(scene: Scene) -> None:
    publish_archive(scene, "1.0")
    publish_archive(scene, "1.1")
    before = layers_of(scene, build(scene, "1.0", "auto"))
    after = layers_of(scene, build(scene, "1.1", "auto"))
    changed = set(after) - set(before)
    assert len(before) == len(after)
    assert len(changed) == 2
    # Of 3.2 MB only the own libraries, and the settings.
    assert sum(size for _, size in changed) < 3 * LIBRARY


def test_after_an_interruption_only_the_rest_is_sent(scene: Scene) -> None:
    publish_archive(scene, "1.0")
    sent: list[int] = []

    def stop_at_the_third(event: Event) -> None:
        if isinstance(event, Progress) and event.total not in sent:
            sent.append(event.total)
            if len(sent) == 3:
                raise KeyboardInterrupt

    define(scene, "auto")
    scene.build("base")
    plan = scene.plan("broker", "1.0")
    with pytest.raises(KeyboardInterrupt):
        build_image(plan, scene.environment, stop_at_the_third, "run-1")
    scene.build("broker", "1.0")
    again = {each.total for each in scene.told if isinstance(each, Progress)}
    assert set(sent) & again == {sent[2]}


def test_what_stays_whole_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_archive(scene, "1.0")
    monkeypatch.setattr(auto_layers, "MOST", 5)
    built = build(scene, "1.0", "auto")
    assert len(layers_of(scene, built)) == 2
    why = "the image would have 6 layers, and 5 are enough"
    assert warned(scene) == [f"image broker@1.0: layers: auto leaves the artifact whole: {why}"]


def test_nothing_that_has_the_artifact(scene: Scene) -> None:
    publish_archive(scene, "1.0")
    scene.image(
        "broker",
        "source: {maven: 'com.acme:broker:tar.gz:bin', unpack: true}\nlayers: auto\n",
        'FROM {{ image("base") }}\nENV FOLDER={{ artifact.folder }}\n',
    )
    scene.build("broker", "1.0")
    assert warned(scene) == [
        "image broker@1.0: layers: auto finds no COPY of the artifact after the last RUN"
    ]


def test_beside_what_comes_from_another_image(scene: Scene) -> None:
    """Its JARs are looked into, too: they are brought before."""
    publish_archive(scene, "1.0")
    place = scene.root / "docker/base/files/opt/their.jar"
    place.parent.mkdir(parents=True)
    place.write_bytes(jar("org/their/A.class"))
    template = (
        'FROM {{ image("base") }} AS made\nCOPY {{ artifact.folder }}/ /opt/broker/\n'
        "FROM scratch\nCOPY --from=made / /\n"
    )
    source = "source: {maven: 'com.acme:broker:tar.gz:bin', unpack: true, strip: 1}\n"
    systems = []
    for layers in ("fat", "auto"):
        scene.image("broker", f"{source}layers: {layers}\n", template)
        systems.append(file_system(scene, scene.build("broker", "1.0")))
    assert not warned(scene)
    assert systems[0] == systems[1]
    assert "opt/their.jar" in systems[1]
