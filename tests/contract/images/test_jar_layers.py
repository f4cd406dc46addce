"""`layers: auto` with JARs that really run: same output, and a changed class is a small push."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisimus.artifacts import open_repositories, publish
from provisimus.images.jar_layers import (
    NotSplit,
    TakenApart,
    open_jar,
    read_manifest,
    take_apart,
    write_manifest,
)
from provisimus.images.registry import open_registry
from provisimus.model import ContainerImage, Coordinates, Digest

if TYPE_CHECKING:
    from conftest import Scene

MAIN = """package com.acme.app;
public class Main {
  public static void main(String[] args) throws Exception {
    System.out.println("%s " + org.lib.Library.says() + " " + String.join(",", args) + " "
      + new String(Main.class.getResourceAsStream("/settings.txt").readAllBytes()) + " "
      + Main.class.getPackage().getImplementationVersion());
  }
}
"""
LIBRARY = """package org.lib;
public class Library { public static String says() { return "%s"; } }
"""


def compiled(folder: Path, sources: Mapping[str, str], *path: Path, release: str = "11") -> Path:
    if shutil.which("javac") is None:
        pytest.skip("javac is not installed")
    for name, text in sources.items():
        place = folder / "src" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    names = [str(folder / "src" / name) for name in sources]
    more = ["-cp", ":".join(map(str, path))] if path else []
    arguments = ["javac", "--release", release, "-d", str(folder / "out"), *more, *names]
    subprocess.run(arguments, check=True, capture_output=True)
    return folder / "out"


def jar(target: Path, manifest: Mapping[str, str], files: Mapping[str, Path | bytes]) -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        stamp = (2026, 1, 1, 0, 0, 0)
        first = zipfile.ZipInfo("META-INF/MANIFEST.MF", stamp)
        archive.writestr(first, write_manifest(manifest))
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.read_bytes()
            archive.writestr(zipfile.ZipInfo(name, stamp), data)
    return target


def shaded(folder: Path, word: str) -> Path:
    library = compiled(folder / "lib", {"org/lib/Library.java": LIBRARY % "old"})
    newer = compiled(folder / "lib9", {"org/lib/Library.java": LIBRARY % "new"})
    main = compiled(folder / "main", {"com/acme/app/Main.java": MAIN % word}, library)
    return jar(
        folder / "shaded.jar",
        {"Main-Class": "com.acme.app.Main", "Multi-Release": "true", "Implementation-Version": "7"},
        {
            "com/acme/app/Main.class": main / "com/acme/app/Main.class",
            "org/lib/Library.class": library / "org/lib/Library.class",
            "META-INF/versions/9/org/lib/Library.class": newer / "org/lib/Library.class",
            "org/lib/data/big.bin": bytes(range(256)) * 4000,
            "settings.txt": b"set",
        },
    )


def boot(folder: Path, word: str, *, index: bool = True) -> Path:
    """As Spring Boot packs one, without its loader, which is left out anyway."""
    library = compiled(folder / "lib", {"org/lib/Library.java": LIBRARY % "boot"})
    main = compiled(folder / "main", {"com/acme/app/Main.java": MAIN % word}, library)
    member = "org/lib/Library.class"
    inner = jar(folder / "lib.jar", {}, {member: library / member, "big": bytes(range(256)) * 4000})
    snapshot = jar(folder / "snap.jar", {}, {"x": b"x"})
    layers = (
        '- "dependencies":\n  - "BOOT-INF/lib/lib-1.jar"\n- "spring-boot-loader":\n  - "org/"\n'
        '- "snapshot-dependencies":\n  - "BOOT-INF/lib/snap-SNAPSHOT.jar"\n'
        '- "application":\n  - "BOOT-INF/classes/"\n'
    )
    files: dict[str, Path | bytes] = {
        "BOOT-INF/classes/com/acme/app/Main.class": main / "com/acme/app/Main.class",
        "BOOT-INF/classes/settings.txt": b"set",
        "BOOT-INF/lib/lib-1.jar": inner,
        "BOOT-INF/lib/snap-SNAPSHOT.jar": snapshot,
        "BOOT-INF/classpath.idx": b'- "BOOT-INF/lib/lib-1.jar"\n',
        "org/springframework/boot/loader/launch/JarLauncher.class": b"not needed",
    }
    if index:
        files["BOOT-INF/layers.idx"] = layers.encode()
    manifest = {
        "Main-Class": "org.springframework.boot.loader.launch.JarLauncher",
        "Start-Class": "com.acme.app.Main",
        "Implementation-Version": "7",
        "Spring-Boot-Classes": "BOOT-INF/classes/",
    }
    return jar(folder / "boot.jar", manifest, files)


@pytest.mark.parametrize(
    ("make", "says", "layers"),
    [
        (shaded, "one new a,b set 7", 2),
        (
            boot,
            "one boot a,b set 7",
            3,
        ),
        (
            lambda *given: boot(*given, index=False),
            "one boot a,b set 7",
            3,
        ),
    ],
)
def test_taken_apart_it_runs_as_before(
    scene: Scene, tmp_path: Path, make: object, says: str, layers: int
) -> None:
    assert callable(make)
    scene.write(
        "docker/greeter/manifest.yaml", "source: {maven: 'com.acme:greeter'}\nlayers: auto\n"
    )
    template = 'FROM {{ image("base") }}\nCOPY --chown=5:6 {{ artifact.file }} /app/greeter.jar\n'
    scene.write("docker/greeter/Dockerfile.j2", template)
    first = published(scene, make(tmp_path / "one", "one"), "2.0.0")
    assert running(scene, first, tmp_path / "root") == says
    second = published(scene, make(tmp_path / "two", "two"), "2.0.1")
    assert running(scene, second, tmp_path / "again") == says.replace("one", "two")
    before, after = (layers_of(scene, each) for each in (first, second))
    # Only the application's layer is another, and it is small.
    assert before[:-1] == after[:-1] and before[-1] != after[-1]
    assert after[-1][1] < 5000
    assert len(after) == 1 + layers


def published(scene: Scene, path: Path, version: str) -> ContainerImage:
    repository = open_repositories(scene.workspace).each[0]
    publish(repository, path, Coordinates("com.acme", "greeter", "jar", "", version))
    return scene.build("greeter", version)


def layers_of(scene: Scene, built: ContainerImage) -> list[tuple[str, int]]:
    registry = open_registry(scene.url)
    manifest = registry.manifest(registry.repository(built.name), str(built.digest))
    assert manifest is not None
    return [(each["digest"], each["size"]) for each in manifest.data["layers"]]


def running(scene: Scene, built: ContainerImage, root: Path) -> str:
    registry = open_registry(scene.url)
    for digest, _ in layers_of(scene, built):
        data = registry.blob(registry.repository(built.name), Digest.parse(digest))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            owners = {(each.uid, each.gid) for each in archive if each.name.startswith("app")}
            assert owners <= {(5, 6)}
            archive.extraction_filter = getattr(tarfile, "tar_filter", None)
            archive.extractall(root)
    arguments = ["java", "-jar", str(root / "app/greeter.jar"), "a", "b"]
    return subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip()


def apart(path: Path, group: str = "com.acme") -> TakenApart:
    with open_jar(path) as archive:
        return take_apart(archive, group, "x.lib")


def test_what_stays_whole(tmp_path: Path) -> None:
    def why(manifest: Mapping[str, str], files: Mapping[str, bytes]) -> str:
        with pytest.raises(NotSplit) as caught:
            apart(jar(tmp_path / "x.jar", manifest, files))
        return str(caught.value)

    own, foreign = {"com/acme/A.class": b""}, {"org/B.class": b""}
    assert why({}, own) == "it holds no library"
    assert why({}, foreign) == "it has no class below com/acme/"
    assert why({"Class-Path": "x"}, {**own, **foreign}) == "its manifest has a Class-Path already"
    assert why({}, {**own, **foreign, "META-INF/A.SF": b""}) == "it is signed"
    assert why({}, {"BOOT-INF/lib/a.jar": b""}) == "its manifest has no Start-Class"
    with pytest.raises(NotSplit, match="no Maven group"):
        apart(jar(tmp_path / "x.jar", {}, {**own, **foreign}), "")
    (tmp_path / "no.jar").write_bytes(b"PK")
    with pytest.raises(NotSplit, match="it is no JAR"):
        apart(tmp_path / "no.jar")


def test_long_lines_of_a_manifest() -> None:
    main = {"Manifest-Version": "1.0", "Class-Path": " ".join(f"lib/{n}.jar" for n in range(99))}
    written = write_manifest(main)
    assert max(map(len, written.splitlines())) <= 72
    assert read_manifest(written.decode()) == main
