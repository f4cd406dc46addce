"""Configuration and manifest, byte for byte; labels; references; the lock file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisimus.errors import InvalidDefinitions, UsageFault
from provisimus.images.documents import (
    Base,
    StoredLayer,
    architecture,
    base_of,
    configuration,
    manifest,
)
from provisimus.images.labels import Lineage, image_labels
from provisimus.images.lineage import without_credentials
from provisimus.images.lock import DockerLock, LockedBase, as_text, read_lock, write_lock
from provisimus.images.registry import as_tag, parse_reference
from provisimus.images.registry.names import Reference, base_url, split_registry
from provisimus.model import Artifact, Coordinates, Digest
from provisimus.workspace import marks

ONE, TWO = Digest("1" * 64), Digest("2" * 64)
LAYER = StoredLayer(ONE, TWO, 7)


def test_configuration() -> None:
    base = Base(
        layers=(LAYER,),
        config={
            "architecture": "arm64",
            "os": "linux",
            "history": [{"created_by": "base"}],
            "config": {"Env": ["a=1"], "Labels": {"provisimus.fingerprint": "x", "own": "y"}},
        },
    )
    settings = {**base.settings, "User": "1"}
    body = configuration(base, settings, [LAYER], [("USER 1", False)], {"l": "m"}, 0)
    assert json.loads(body) == {
        "architecture": "arm64",
        "os": "linux",
        "created": "1970-01-01T00:00:00Z",
        "config": {"Env": ["a=1"], "User": "1", "Labels": {"own": "y", "l": "m"}},
        "rootfs": {"type": "layers", "diff_ids": [str(ONE), str(ONE)]},
        "history": [
            {"created_by": "base"},
            {"created": "1970-01-01T00:00:00Z", "created_by": "USER 1", "empty_layer": True},
        ],
    }
    document = json.loads(manifest(body, [LAYER], {"a": "b"}))
    assert document["annotations"] == {"a": "b"}
    assert base_of(document, {"rootfs": {"diff_ids": [str(ONE)]}}) == (LAYER,)


def test_architectures() -> None:
    assert architecture("x86_64") == "amd64"
    assert architecture("aarch64") == "arm64"
    assert architecture("riscv64") == "riscv64"


def test_labels() -> None:
    coordinates = Coordinates("com.acme", "greeter", "jar", "", "1.0.0")
    found = image_labels(
        "greeter",
        "1.0.0",
        ONE,
        Lineage("https://git/x", "abc", 0, "def"),
        Base(reference="host/jre", digest=TWO),
        Artifact(coordinates, "releases", "/x", TWO, 1, None),
        {"team": "a", "provisimus.fingerprint": "forged"},
    )
    assert found == {
        "team": "a",
        "org.opencontainers.image.title": "greeter",
        "org.opencontainers.image.version": "1.0.0",
        "org.opencontainers.image.revision": "abc",
        "org.opencontainers.image.source": "https://git/x",
        "org.opencontainers.image.created": "1970-01-01T00:00:00Z",
        "org.opencontainers.image.base.name": "host/jre",
        "org.opencontainers.image.base.digest": str(TWO),
        "provisimus.fingerprint": str(ONE),
        "provisimus.commit.docker": "def",
        "provisimus.artifact": "com.acme:greeter:jar:1.0.0",
        "provisimus.artifact.sha256": TWO.hex,
        "provisimus.artifact.commit": "unknown",
    }


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://user:secret@git.acme/x.git", "https://git.acme/x.git"),
        ("git@git.acme:x.git", "git@git.acme:x.git"),
        ("/home/me/x", "unknown"),
        ("../x", "unknown"),
    ],
)
def test_remotes(url: str, expected: str) -> None:
    assert without_credentials(url) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:5000/a/b:1", Reference("127.0.0.1:5000", "a/b", "1")),
        (f"localhost/a@{ONE}", Reference("localhost", "a", None, ONE)),
        (f"reg.acme/a:1@{ONE}", Reference("reg.acme", "a", "1", ONE)),
        ("debian", Reference("registry-1.docker.io", "library/debian")),
        ("acme/x:1", Reference("registry-1.docker.io", "acme/x", "1")),
    ],
)
def test_references(text: str, expected: Reference) -> None:
    assert parse_reference(text) == expected


@pytest.mark.parametrize("text", ["", "A/b", "a b", "x@sha256:1", "h:1/../x"])
def test_no_references(text: str) -> None:
    with pytest.raises(UsageFault):
        parse_reference(text)


def test_registries() -> None:
    assert base_url("127.0.0.1:5000") == "http://127.0.0.1:5000"
    assert base_url("localhost:5000/x") == "http://localhost:5000"
    assert base_url("reg.acme/x") == "https://reg.acme"
    assert base_url("http://reg.acme") == "http://reg.acme"
    assert split_registry("reg.acme/team/x/") == ("reg.acme", "team/x/")
    assert as_tag("1.0+build") == "1.0_build"


def test_the_lock_file(tmp_path: Path) -> None:
    lock = DockerLock({"jre": LockedBase(ONE, TWO, ONE, 2), "new": LockedBase(TWO)})
    write_lock(tmp_path, lock)
    assert read_lock(tmp_path) == lock
    assert "update: 2" in as_text(lock)
    assert read_lock(tmp_path / "nowhere") == DockerLock()
    (tmp_path / "docker.lock").write_text("bases: {jre: {fingerprint: x}}")
    with pytest.raises(InvalidDefinitions, match="no lock file"):
        read_lock(tmp_path)


def test_a_lock_that_was_read_before_is_not_parsed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = DockerLock({"jre": LockedBase(ONE, TWO)}), DockerLock({"jre": LockedBase(TWO)})
    write_lock(tmp_path, first)
    assert read_lock(tmp_path, tmp_path / "cache") == first
    with monkeypatch.context() as patch:
        patch.setattr(marks, "read", None)
        assert read_lock(tmp_path, tmp_path / "cache") == first
    write_lock(tmp_path, second)
    assert read_lock(tmp_path, tmp_path / "cache") == second
