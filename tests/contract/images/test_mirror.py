"""Vendors' images, from one real registry into another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from provisimus.cli.app import provisimus
from provisimus.errors import NotFound, UsageFault
from provisimus.events import silence
from provisimus.images.mirror import mirror_image
from provisimus.images.registry import Registry, open_registry, parse_reference
from provisimus.images.registry.content import OCI_INDEX, OCI_MANIFEST
from provisimus.model import Digest

if TYPE_CHECKING:
    from tests.contract.conftest import Serve

    from conftest import Scene

LAYER = os.urandom(200_000)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory, serve_registry: Serve) -> Iterator[str]:
    """A registry of somebody else's, with an image for two platforms: `team/tool:1`."""
    with serve_registry(tmp_path_factory.mktemp("vendor"), {}) as url:
        registry = Registry(url)
        parts = [put_image(registry, "team/tool", each) for each in ("amd64", "arm64")]
        index = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": OCI_INDEX,
                "manifests": [
                    {
                        "mediaType": OCI_MANIFEST,
                        "digest": str(digest),
                        "size": size,
                        "platform": {"architecture": each, "os": "linux"},
                    }
                    for each, (digest, size) in zip(("amd64", "arm64"), parts, strict=True)
                ],
            }
        ).encode()
        registry.put_manifest("team/tool", "1", OCI_INDEX, index)
        yield url


def put_image(registry: Registry, repository: str, architecture: str) -> tuple[Digest, int]:
    content = LAYER + architecture.encode()
    layer = registry.put_blob(repository, content)
    settings = {
        "architecture": architecture,
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(content))]},
    }
    config = registry.put_blob(repository, json.dumps(settings).encode())
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": str(config.digest),
                "size": config.size,
            },
            "layers": [
                {
                    "mediaType": "application/vnd.oci.image.layer.v1.tar",
                    "digest": str(layer.digest),
                    "size": layer.size,
                }
            ],
        }
    ).encode()
    return registry.put_manifest(repository, str(Digest.of(body)), OCI_MANIFEST, body), len(body)


def test_an_index_keeps_its_digest_and_its_platforms(vendor: str, scene: Scene) -> None:
    source, target = Registry(vendor), open_registry(scene.url)
    digest = source.digest_of("team/tool", "1")
    wanted = parse_reference(f"{vendor}/team/tool@{digest}")
    made = mirror_image(source, wanted, target, "vendor/tool", silence)
    assert made.digest == digest
    assert made.copied > 400_000
    repository = target.repository("vendor/tool")
    index = target.manifest(repository, str(digest))
    assert index is not None
    for each in index.data["manifests"]:
        child = target.manifest(repository, each["digest"])
        assert child is not None
        blob = Digest.parse(child.data["layers"][0]["digest"])
        assert target.blob(repository, blob).startswith(LAYER)
    assert mirror_image(source, wanted, target, "vendor/tool", silence).copied == 0
    # From one repository to another of the same registry nothing moves.
    inside = parse_reference(made.reference)
    assert mirror_image(target, inside, target, "second", silence).copied == 0
    with pytest.raises(NotFound, match="has no image"):
        mirror_image(source, parse_reference(f"{vendor}/team/no:1"), target, "no", silence)


def test_the_command_line(vendor: str, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    digest = Registry(vendor).digest_of("team/tool", "1")
    reference = f"{vendor}/team/tool@{digest}"
    (scene.root / "provisimus.yaml").open("a").write(
        'environments: {ci: {provider: aws, account: "111122223333", region: eu-west-1}}\n'
    )
    scene.image("tool", f"version: '1'\nsource: {{image: '{reference}'}}\n")
    monkeypatch.chdir(scene.root)
    monkeypatch.setenv("PROVISIMUS_ENV", "ci")
    runner = CliRunner()
    for arguments, name in (([], "tool"), (["tool"], "tool"), ([reference, "--as", "v/x"], "v/x")):
        done = runner.invoke(provisimus, ["image", "mirror", "--json", "--quiet", *arguments])
        assert done.exit_code == 0, done.exception
        (made,) = json.loads(done.stdout)
        assert made["image"] == f"{scene.url}/{name}@{digest}"
        assert made["from"] == reference
    failed = runner.invoke(provisimus, ["image", "mirror", "greeter"])
    assert isinstance(failed.exception, UsageFault)
    # What was mirrored needs the vendor no more.
    gone = f"127.0.0.1:1/team/tool@{digest}"
    scene.image("tool", f"version: '1'\nsource: {{image: '{gone}'}}\n")
    built = scene.build("tool")
    assert built.labels["org.opencontainers.image.base.name"] == "127.0.0.1:1/team/tool"
