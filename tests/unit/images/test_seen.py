"""What was seen of an image is taken for it only when its digests say so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from provisimus.images.registry.content import DOCKER_MANIFEST, OCI_MANIFEST, Manifest
from provisimus.images.seen import remember_documents, seen_documents
from provisimus.model import Digest

CONFIG = b'{"architecture": "amd64"}'
BODY = json.dumps({"config": {"digest": str(Digest.of(CONFIG))}}).encode()
DIGEST = Digest.of(BODY)


def test_the_documents_of_a_base(tmp_path: Path) -> None:
    found = Manifest(DIGEST, OCI_MANIFEST, BODY)
    assert seen_documents(tmp_path, DIGEST) is None
    remember_documents(tmp_path, found, CONFIG)
    assert seen_documents(tmp_path, DIGEST) == (found, CONFIG)
    assert seen_documents(tmp_path, Digest.of(b"another")) is None


def test_documents_of_another_kind_are_not_kept(tmp_path: Path) -> None:
    remember_documents(tmp_path, Manifest(DIGEST, DOCKER_MANIFEST, BODY), CONFIG)
    assert seen_documents(tmp_path, DIGEST) is None


@pytest.mark.parametrize(
    "text",
    [
        "{ half",
        "[]",
        "{}",
        json.dumps({"manifest": 1, "config": CONFIG.decode()}),
        json.dumps({"manifest": BODY.decode() + " ", "config": CONFIG.decode()}),
        json.dumps({"manifest": BODY.decode(), "config": '{"architecture": "arm64"}'}),
    ],
)
def test_what_is_not_what_it_was_is_asked_for_again(tmp_path: Path, text: str) -> None:
    remember_documents(tmp_path, Manifest(DIGEST, OCI_MANIFEST, BODY), CONFIG)
    place = next((tmp_path / "documents").iterdir())
    place.write_text(text)
    assert seen_documents(tmp_path, DIGEST) is None
