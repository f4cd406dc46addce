"""The SBOM of an image in a real registry."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from tests.unit.images.sbom.test_jars import library
from tests.unit.images.sbom.test_layers import OS, STATUS

from provisimus.cli.app import provisimus
from provisimus.errors import ProvisimusError
from provisimus.events import Event, Finished
from provisimus.images.registry import open_registry
from provisimus.images.registry.client import OCI_MANIFEST, Manifest
from provisimus.images.sbom import SBOM, attach_sbom, attached_sbom, make_sbom
from provisimus.model import Digest

if TYPE_CHECKING:
    from conftest import Scene

AWS = 'environments: {ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n'


@pytest.fixture
def filled(scene: Scene) -> Scene:
    """The base has packages, the service a fat JAR beside its artifact."""
    scene.write("docker/base/files/var/lib/dpkg/status", STATUS)
    scene.write("docker/base/files/usr/lib/os-release", OS)
    with zipfile.ZipFile(scene.root / "docker/greeter/extra.jar", "w") as archive:
        archive.writestr("BOOT-INF/lib/guava-33.jar", library("guava", "33", "com.google"))
    template = scene.root / "docker/greeter/Dockerfile.j2"
    template.write_text(template.read_text() + "COPY extra.jar /app/\n")
    (scene.root / "provisimus.yaml").open("a").write(AWS)
    return scene


def manifest_of(scene: Scene, digest: Digest) -> Manifest:
    client = open_registry(scene.url)
    found = client.manifest(client.repository("greeter"), str(digest))
    assert found is not None
    return found


def test_an_image_tells_what_is_inside(filled: Scene) -> None:
    built = filled.build("greeter", "1.0.0")
    client = open_registry(filled.url)
    repository = client.repository("greeter")
    manifest = manifest_of(filled, built.digest)
    cache = filled.workspace.state / "cache"
    assert attached_sbom(client, repository, built.digest) is None
    told: list[Event] = []
    attached = attach_sbom(client, repository, manifest, cache, told.append)
    assert [each.result for each in told if isinstance(each, Finished)] == ["5 components"]
    data = json.loads(attached.body)
    assert [each.get("purl") for each in data["components"]] == [
        None,
        None,
        None,
        "pkg:deb/debian/libc6@2.36-9%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=glibc%402.36-9",
        "pkg:maven/com.google/guava@33",
    ]
    # It is an OCI referrer, found from the image; the image itself and its tags stay as they are.
    (found,) = client.referrers(repository, built.digest)
    assert (found.digest, found.artifact_type, found.media_type) == (
        attached.digest,
        SBOM,
        OCI_MANIFEST,
    )
    assert manifest_of(filled, built.digest) == manifest
    assert not filled.plan("greeter", "1.0.0").changes
    # Once more: it is there. Without the cache, and attached by another machine: the same bytes.
    assert attach_sbom(client, repository, manifest, cache) == attached
    assert make_sbom(client, repository, manifest, cache / "elsewhere") == attached.body


def test_the_command_line(filled: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(filled.root)
    monkeypatch.setenv("PROVISIMUS_ENV", "ci")
    runner = CliRunner()
    assert runner.invoke(provisimus, ["image", "build", "greeter@1.0.0"]).exit_code == 0
    missing = runner.invoke(provisimus, ["image", "show", "greeter@1.0.0", "--sbom"])
    assert isinstance(missing.exception, ProvisimusError)
    assert missing.exception.hint == "attach it: provisimus image sbom greeter@1.0.0 --attach"
    made = runner.invoke(provisimus, ["image", "sbom", "greeter@1.0.0", "--attach", "--quiet"])
    assert json.loads(made.stdout)["specVersion"] == "1.6"
    shown = runner.invoke(provisimus, ["image", "show", "greeter@1.0.0", "--sbom"])
    assert "pkg:maven/com.google/guava@33" in shown.stdout
    again = runner.invoke(provisimus, ["image", "build", "greeter@1.0.0", "--sbom", "--json"])
    assert not json.loads(again.stdout)["changed"]
    old = runner.invoke(provisimus, ["image", "sbom", "greeter@1.0.0", "--spec", "1.5"])
    assert json.loads(old.stdout)["specVersion"] == "1.5"
    listed = runner.invoke(provisimus, ["image", "list", "--json"])
    assert {"name": "greeter", "versions": ["1.0.0"]} in json.loads(listed.stdout)


def test_a_layer_that_is_none(scene: Scene) -> None:
    client = open_registry(scene.url)
    repository = client.repository("odd")
    config = client.put_blob(
        repository, json.dumps({"rootfs": {"diff_ids": [str(Digest.of(b""))]}}).encode()
    )
    layer = client.put_blob(repository, b"rubbish")
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": "x", "digest": str(config.digest), "size": config.size},
            "layers": [{"mediaType": "x/zstd", "digest": str(layer.digest), "size": layer.size}],
        }
    ).encode()
    manifest = Manifest(Digest.of(body), OCI_MANIFEST, body)
    with pytest.raises(ProvisimusError, match="no TAR that can be read") as caught:
        make_sbom(client, repository, manifest, scene.root / "cache")
    assert "zstd" in (caught.value.hint or "")
