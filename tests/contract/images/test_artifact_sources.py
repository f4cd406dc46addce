"""Images made from vendors' files, unpacked archives and several artifacts, in a real registry."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.contract.artifacts.maven_server import MavenServer, serving

from provisimus.errors import InvalidDefinitions
from provisimus.images.registry import Registry, open_registry
from provisimus.model import Digest

if TYPE_CHECKING:
    from conftest import Scene


@pytest.fixture
def vendor() -> Iterator[MavenServer]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, mode, data in (
            ("broker-5.1/bin/broker", 0o755, b"#!/bin/sh\n"),
            ("broker-5.1/conf/password", 0o600, b"x"),
            ("broker-5.1/docs/manual.html", 0o644, b"long"),
        ):
            info = tarfile.TarInfo(name)
            info.mode, info.size = mode, len(data)
            archive.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("broker-5.1/current")
        link.type, link.linkname = tarfile.SYMTYPE, "bin/broker"
        archive.addfile(link)
    with serving() as server:
        server.files["broker-5.1-bin.tar.gz"] = out.getvalue()
        server.files["agent.jar"] = b"agent"
        yield server


def files_of(registry: Registry, name: str, digest: Digest) -> list[str]:
    repository = registry.repository(name)
    manifest = registry.manifest(repository, str(digest))
    assert manifest is not None
    found = []
    for layer in manifest.data["layers"]:
        data = registry.blob(repository, Digest.parse(layer["digest"]))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found += [f"{each.name} {each.mode:o}" for each in archive]
    return found


def define(scene: Scene, vendor: MavenServer, more: str = "exclude: [docs]") -> None:
    file = "broker-5.1-bin.tar.gz"
    sha256 = Digest.of(vendor.files[file]).hex
    scene.image(
        "broker",
        f"version: '5.1'\n"
        f"source: {{url: '{vendor.url}/{file}', sha256: '{sha256}', unpack: true, "
        f"strip: 1, {more}}}\n"
        "artifacts:\n"
        f"  agent: {{url: '{vendor.url}/agent.jar', sha256: {Digest.of(b'agent').hex}}}\n"
        "  greeter: {maven: 'com.acme:greeter', version: 1.0.0}\n",
        "FROM scratch\nCOPY {{ artifact.folder }}/ /opt/broker/\n"
        "COPY {{ artifacts.agent.file }} {{ artifacts.greeter.file }} /opt/lib/\n",
    )


def test_an_archive_becomes_a_tree_and_files_stand_beside_it(
    scene: Scene, vendor: MavenServer
) -> None:
    define(scene, vendor)
    built = scene.build("broker")
    assert files_of(open_registry(scene.url), "broker", built.digest) == [
        "opt 755",
        "opt/broker 755",
        "opt/broker/bin 755",
        "opt/broker/bin/broker 755",
        "opt/broker/conf 755",
        "opt/broker/conf/password 600",
        "opt/broker/current 777",
        "opt/lib 755",
        "opt/lib/agent.jar 644",
        "opt/lib/greeter-1.0.0.jar 644",
    ]
    assert built.labels["provisimus.artifact"].endswith("/broker-5.1-bin.tar.gz")
    assert vendor.seen == ["GET broker-5.1-bin.tar.gz", "GET agent.jar"]
    # What is left out decides, not how it is said.
    before = scene.plan("broker").wanted[-1].definition.context
    define(scene, vendor, "include: [bin, conf, current]")
    assert scene.plan("broker").wanted[-1].definition.context == before


def test_the_same_name_twice(scene: Scene, vendor: MavenServer) -> None:
    define(scene, vendor)
    scene.write("docker/broker/agent.jar", "mine")
    with pytest.raises(InvalidDefinitions) as caught:
        scene.plan("broker")
    problem = caught.value.problems[0]
    assert (problem.key, problem.line) == ("artifacts/agent", 4)
    assert "is called agent.jar" in problem.message


def test_a_file_and_a_folder_are_told_apart(scene: Scene, vendor: MavenServer) -> None:
    define(scene, vendor)
    scene.write("docker/broker/Dockerfile.j2", "FROM scratch\nCOPY {{ artifact.file }} /\n")
    with pytest.raises(InvalidDefinitions) as caught:
        scene.plan("broker")
    assert "artifact.folder" in (caught.value.problems[0].hint or "")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("{maven: 'a:b', strip: 1}", "strip is about"),
        ("{debian: {packages: [x]}, unpack: true}", "unpack is for a file"),
        ("{url: 'https://x/y', sha256: '" + "0" * 64 + "', version: '1'}", "version belongs"),
        ("{maven: 'a:b'}\nartifacts: {x: {debian: {packages: [y]}}}", "an artifact is a file"),
        ("{maven: 'a:b'}\nartifacts: {X-1: {maven: 'a:b'}}", "X-1"),
    ],
)
def test_manifests_that_make_no_sense(scene: Scene, source: str, why: str) -> None:
    scene.image("broker", f"version: '1'\nsource: {source}\n", "FROM scratch\n")
    with pytest.raises(InvalidDefinitions, match=why):
        scene.plan("broker")
