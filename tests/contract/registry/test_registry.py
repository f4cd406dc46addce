"""The client against a real docker-registry, and against one that misbehaves."""

from __future__ import annotations

import base64
import http.server
import json
import os
import socket
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import ChecksumMismatch, NotFound, ProvisimusError, Unreachable
from provisimus.images.registry import Registry
from provisimus.images.registry.client import OCI_MANIFEST
from provisimus.model import Digest

if TYPE_CHECKING:
    from conftest import Misbehaving


def client(url: str) -> Registry:
    return Registry(url, pause=lambda _: None)


@pytest.fixture
def name() -> str:
    return f"team/image-{uuid.uuid4().hex[:8]}"


def put_image(registry: Registry, repository: str, data: bytes = b"layer") -> tuple[Digest, bytes]:
    config = registry.put_blob(repository, b"{}")
    layer = registry.put_blob(repository, data)
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
                    "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                    "digest": str(layer.digest),
                    "size": layer.size,
                }
            ],
        }
    ).encode()
    return registry.put_manifest(repository, str(Digest.of(body)), OCI_MANIFEST, body), body


def test_an_image_goes_in_and_comes_out(any_url: str, name: str) -> None:
    registry = client(any_url)
    registry.ping()
    digest, body = put_image(registry, name)
    assert registry.digest_of(name, "1.0") is None
    assert registry.put_manifest(name, "1.0", OCI_MANIFEST, body) == digest
    found = registry.manifest(name, "1.0")
    assert found is not None
    assert (found.digest, found.media_type, found.body) == (digest, OCI_MANIFEST, body)
    assert registry.digest_of(name, "1.0") == digest
    assert registry.blob(name, Digest.of(b"layer")) == b"layer"
    assert b"".join(registry.blob_pieces(name, Digest.of(b"layer"))) == b"layer"


def test_what_is_not_there(any_url: str, name: str) -> None:
    registry = client(any_url)
    assert registry.manifest(name, "1.0") is None
    assert not registry.has_blob(name, Digest.of(b"x"))
    with pytest.raises(NotFound, match="has no blob"):
        registry.blob(name, Digest.of(b"x"))


def test_a_blob_is_streamed(any_url: str, name: str) -> None:
    registry = client(any_url)
    pieces = [os.urandom(100_000) for _ in range(30)]
    blob = registry.upload(name, lambda: iter(pieces))
    assert blob.digest == Digest.of(b"".join(pieces))
    assert blob.size == 3_000_000
    assert b"".join(registry.blob_pieces(name, blob.digest)) == b"".join(pieces)


def test_a_layer_is_mounted_from_another_repository(registry_url: str, name: str) -> None:
    registry = client(registry_url)
    layer = os.urandom(1000)
    put_image(registry, name, layer)
    assert registry.mount(f"{name}-child", Digest.of(layer), name)
    assert registry.blob(f"{name}-child", Digest.of(layer)) == layer
    assert not registry.mount(f"{name}-child", Digest.of(b"never sent"), name)


def test_tags(registry_url: str, name: str) -> None:
    registry = client(registry_url)
    assert registry.tags(name) == []
    _, body = put_image(registry, name)
    for tag in ("2", "1"):
        registry.put_manifest(name, tag, OCI_MANIFEST, body)
    assert registry.tags(name) == ["1", "2"]


def test_an_upload_that_is_cut_begins_again(misbehaving: Misbehaving) -> None:
    misbehaving.faults.append(("PATCH", "/uploads/", "cut"))
    data = os.urandom(500_000)
    begun = []

    def pieces() -> Iterator[bytes]:
        begun.append(1)
        yield from (data[index : index + 50_000] for index in range(0, len(data), 50_000))

    blob = client(misbehaving.url).upload("x", pieces)
    assert len(begun) == 2
    assert misbehaving.blobs == {str(blob.digest): data}


def test_an_upload_that_is_always_cut_says_so(misbehaving: Misbehaving) -> None:
    misbehaving.faults.extend([("PATCH", "/uploads/", "cut")] * 3)
    with pytest.raises(Unreachable, match="broke off an upload 3 times") as caught:
        client(misbehaving.url).upload("x", lambda: [b"y" * 100_000] * 10)
    assert "nothing was published" in (caught.value.hint or "")
    assert misbehaving.blobs == {}


@pytest.mark.parametrize("fault", [500, 502, 429, "forget"])
def test_passing_faults_of_an_upload(misbehaving: Misbehaving, fault: str | int) -> None:
    misbehaving.faults.append(("PUT", "/uploads/", fault))
    assert client(misbehaving.url).upload("x", lambda: [b"y"]).size == 1


def test_passing_faults_of_a_question(misbehaving: Misbehaving) -> None:
    misbehaving.faults.extend([("GET", "/manifests/", 503), ("GET", "/manifests/", "cut")])
    assert client(misbehaving.url).manifest("x", "1") is None


def test_a_lasting_fault_is_told(misbehaving: Misbehaving) -> None:
    misbehaving.faults.extend([("GET", "/manifests/", 500)] * 4)
    with pytest.raises(ProvisimusError, match="answered 500"):
        client(misbehaving.url).manifest("x", "1")


def test_wrong_bytes_are_noticed(misbehaving: Misbehaving) -> None:
    registry = client(misbehaving.url)
    blob = registry.put_blob("x", b"content")
    misbehaving.faults.append(("GET", "/blobs/", "lie"))
    with pytest.raises(ChecksumMismatch):
        registry.blob("x", blob.digest)
    misbehaving.faults.append(("GET", "/blobs/", "lie"))
    with pytest.raises(ChecksumMismatch):
        list(registry.blob_pieces("x", blob.digest))


def test_a_refusal_is_told(misbehaving: Misbehaving) -> None:
    misbehaving.faults.append(("PUT", "/manifests/", 403))
    with pytest.raises(ProvisimusError, match="answered 403") as caught:
        client(misbehaving.url).put_manifest("x", "1", OCI_MANIFEST, b"{}")
    assert caught.value.exit_code == 5


def test_nothing_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unreachable, match=f"nothing answers at http://{url}") as caught:
        client(url).ping()
    assert "provisimus local up" in (caught.value.hint or "")


def test_the_port_belongs_to_something_else() -> None:
    class Other(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"hi")

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        with pytest.raises(Unreachable, match="is no Docker registry"):
            client(f"127.0.0.1:{server.server_port}").ping()
        server.shutdown()
        thread.join()


def test_credentials_come_from_dockers_configuration(
    guarded_url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with pytest.raises(ProvisimusError, match="wants credentials") as caught:
        client(guarded_url).ping()
    assert caught.value.hint == f"log in: docker login {guarded_url}"
    auth = base64.b64encode(b"ci:secret").decode()
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"auths": {guarded_url: {"auth": auth}}}))
    registry = client(guarded_url)
    put_image(registry, name)
    assert b"".join(registry.blob_pieces(name, Digest.of(b"layer"))) == b"layer"
    auth = base64.b64encode(b"ci:wrong").decode()
    config.write_text(json.dumps({"auths": {guarded_url: {"auth": auth}}}))
    with pytest.raises(ProvisimusError, match="answered 401"):
        client(guarded_url).ping()


def test_credentials_come_from_a_helper(
    guarded_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "docker-credential-test"
    helper.write_text('#!/bin/sh\necho \'{"Username": "ci", "Secret": "secret"}\'\n')
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {guarded_url: "test"}}))
    client(guarded_url).ping()
