"""What refers to an image: with the referrers API, and with the tag that stands in for it."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

from provisimus.errors import ProvisimusError
from provisimus.images.registry import Registry
from provisimus.images.registry.content import OCI_INDEX, OCI_MANIFEST, Descriptor
from provisimus.images.registry.referrers import fallback_tag, referrer_manifest
from provisimus.model import Digest

if TYPE_CHECKING:
    from conftest import Misbehaving

SBOM = "application/vnd.cyclonedx+json"


def subject_in(registry: Registry, repository: str) -> Descriptor:
    config = registry.put_blob(repository, b"{}")
    body = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": str(config.digest),
                "size": config.size,
            },
            "layers": [],
        }
    ).encode()
    digest = registry.put_manifest(repository, str(Digest.of(body)), OCI_MANIFEST, body)
    return Descriptor(OCI_MANIFEST, digest, len(body))


def attach(
    registry: Registry, repository: str, subject: Descriptor, data: bytes, kind: str = SBOM
) -> Digest:
    blob = registry.put_blob(repository, data)
    layer = Descriptor(kind, blob.digest, blob.size)
    body = referrer_manifest(subject, kind, layer, {"who": "test"})
    return registry.put_referrer(repository, body)


@pytest.fixture
def name() -> str:
    return f"team/image-{uuid.uuid4().hex[:8]}"


def test_what_is_attached_is_found(any_url: str, name: str) -> None:
    registry = Registry(any_url, pause=lambda _: None)
    subject = subject_in(registry, name)
    assert registry.referrers(name, subject.digest) == []
    digest = attach(registry, name, subject, b'{"a": 1}')
    assert attach(registry, name, subject, b'{"a": 1}') == digest
    other = attach(registry, name, subject, b"signed", "application/x-signature")
    found = registry.referrers(name, subject.digest)
    assert {each.digest for each in found} == {digest, other}
    (sbom,) = registry.referrers(name, subject.digest, SBOM)
    assert (sbom.digest, sbom.artifact_type) == (digest, SBOM)
    manifest = registry.manifest(name, str(sbom.digest))
    assert manifest is not None
    assert manifest.data["subject"] == subject.as_json()
    layer = Digest.parse(manifest.data["layers"][0]["digest"])
    assert registry.blob(name, layer) == b'{"a": 1}'


def test_the_fallback_is_an_index_under_a_tag(registry_url: str, name: str) -> None:
    registry = Registry(registry_url)
    subject = subject_in(registry, name)
    digest = attach(registry, name, subject, b"{}")
    listed = registry.manifest(name, fallback_tag(subject.digest))
    assert listed is not None
    assert listed.media_type == OCI_INDEX
    assert [each["digest"] for each in listed.data["manifests"]] == [str(digest)]
    assert listed.data["manifests"][0]["artifactType"] == SBOM
    assert listed.data["manifests"][0]["annotations"] == {"who": "test"}


def test_a_registry_with_the_api_needs_no_tag(misbehaving: Misbehaving) -> None:
    misbehaving.referrers = True
    registry = Registry(misbehaving.url, pause=lambda _: None)
    subject = subject_in(registry, "x")
    digest = attach(registry, "x", subject, b"{}")
    assert [each.digest for each in registry.referrers("x", subject.digest)] == [digest]
    assert fallback_tag(subject.digest) not in misbehaving.manifests


def test_a_list_that_another_process_overwrites(misbehaving: Misbehaving) -> None:
    subject = subject_in(Registry(misbehaving.url), "x")
    tag = fallback_tag(subject.digest)
    overwritten: list[float] = []

    def interfere(seconds: float) -> None:
        overwritten.append(seconds)

    registry = Registry(misbehaving.url, pause=interfere)
    # The first list is lost: the registry answers well and forgets.
    misbehaving.faults.append(("PUT", f"/manifests/{tag}", "forgotten"))
    digest = attach(registry, "x", subject, b"{}")
    assert [each.digest for each in registry.referrers("x", subject.digest)] == [digest]
    assert len(overwritten) == 1


def test_tags_that_may_not_move_are_told(misbehaving: Misbehaving) -> None:
    registry = Registry(misbehaving.url, pause=lambda _: None)
    subject = subject_in(registry, "x")
    attach(registry, "x", subject, b"1")
    misbehaving.immutable = True
    with pytest.raises(ProvisimusError, match=r"does not let its list .* grow: tag is immutable"):
        attach(registry, "x", subject, b"2")
