"""What refers to an image: SBOMs, later signatures and provenance, each a manifest with a subject.

Never inside an image index, where ECR and others stumble over it. A registry without the referrers
API (all before OCI 1.1, docker-registry 2.8 among them) keeps the list under a tag named after the
subject, `sha256-<hex>`. Source: OCI Distribution Specification 1.1, "Referrers API", "Referrers Tag
Schema".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from provisimus.errors import ProvisimusError, Unreachable
from provisimus.images.registry.content import (
    ACCEPT,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    Known,
)
from provisimus.images.registry.transport import Transport, said_in
from provisimus.images.registry.uploads import upload_known
from provisimus.model import Digest

EMPTY = Known.of(b"{}")
"""The configuration of a manifest that is no image (image specification, "empty descriptor")."""

ATTEMPTS = 5


def fallback_tag(subject: Digest) -> str:
    return f"sha256-{subject.hex}"


def is_fallback_tag(tag: str) -> bool:
    return tag.startswith("sha256-") and len(tag) == 71


def referrer_manifest(
    subject: Descriptor, artifact_type: str, layer: Descriptor, annotations: Mapping[str, str]
) -> bytes:
    """The manifest that attaches one file to an image, byte for byte the same for the same input.

    The subject is named by type, digest and size alone.
    """
    return json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": artifact_type,
            "config": Descriptor(OCI_EMPTY, EMPTY.digest, EMPTY.size).as_json(),
            "layers": [layer.as_json()],
            "subject": Descriptor(subject.media_type, subject.digest, subject.size).as_json(),
            "annotations": dict(annotations),
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def list_referrers(transport: Transport, repository: str, subject: Digest) -> list[Descriptor]:
    """Everything that refers to a manifest, ordered by digest. Nothing found is no error."""
    answer = transport.send(
        "GET",
        f"/v2/{repository}/referrers/{subject}",
        check=False,
        headers={"accept": OCI_INDEX},
    )
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if answer.status_code == 200 and kind == OCI_INDEX:
        found = list(answer.json().get("manifests") or [])
        while link := answer.links.get("next", {}).get("url"):
            answer = transport.send("GET", transport.local(str(link)))
            transport.expect(answer, 200)
            found += answer.json().get("manifests") or []
        return _descriptors(found)
    if answer.status_code in (401, 403) or answer.status_code >= 500:
        transport.expect(answer, 200)
    return _descriptors(_fallback(transport, repository, subject))


def put_referrer(transport: Transport, repository: str, body: bytes) -> Digest:
    """Put a manifest that has a subject, and see to it that it is found from there.

    Raises Unreachable when others kept overwriting the list of a registry without the API.
    """
    data = json.loads(body)
    upload_known_once(transport, repository, EMPTY)
    digest = Digest.of(body)
    answer = transport.send(
        "PUT",
        f"/v2/{repository}/manifests/{digest}",
        content=body,
        headers={"content-type": OCI_MANIFEST},
    )
    transport.expect(answer, 201)
    subject = Digest.parse(data["subject"]["digest"])
    if answer.headers.get("oci-subject") == str(subject):
        return digest
    own = Descriptor(
        OCI_MANIFEST, digest, len(body), data["artifactType"], data.get("annotations") or {}
    )
    for attempt in range(ATTEMPTS):
        listed = _fallback(transport, repository, subject)
        if digest in {each.digest for each in _descriptors(listed)}:
            return digest
        if attempt:
            # Another process wrote the list at the same moment, without ours.
            transport.wait(0.1 * 2**attempt)
        _put_fallback(transport, repository, subject, [*listed, own.as_json()])
    if digest in {each.digest for each in list_referrers(transport, repository, subject)}:
        return digest
    raise Unreachable(
        f"others keep overwriting the list of what refers to {subject.short}…",
        where=f"{transport.host}/{repository}:{fallback_tag(subject)}",
        hint="run the command again",
    )


def upload_known_once(transport: Transport, repository: str, known: Known) -> None:
    path = f"/v2/{repository}/blobs/{known.digest}"
    if transport.send("HEAD", path).status_code != 200:
        upload_known(transport, repository, known)


def _fallback(transport: Transport, repository: str, subject: Digest) -> list[dict[str, Any]]:
    path = f"/v2/{repository}/manifests/{fallback_tag(subject)}"
    answer = transport.send("GET", path, headers={"accept": ACCEPT})
    if answer.status_code == 404:
        return []
    transport.expect(answer, 200)
    found: list[dict[str, Any]] = answer.json().get("manifests") or []
    return found


def _put_fallback(
    transport: Transport, repository: str, subject: Digest, listed: Sequence[Mapping[str, Any]]
) -> None:
    ordered = sorted(listed, key=lambda each: str(each.get("digest")))
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": ordered}
    answer = transport.send(
        "PUT",
        f"/v2/{repository}/manifests/{fallback_tag(subject)}",
        content=json.dumps(index, sort_keys=True, separators=(",", ":")).encode(),
        headers={"content-type": OCI_INDEX},
    )
    if answer.status_code in (400, 403, 405, 409, 412):
        raise ProvisimusError(
            f"registry {transport.host} has no referrers API and does not let its list under the "
            f"tag {fallback_tag(subject)[:19]}… grow: {said_in(answer) or answer.status_code}",
            where=f"{transport.host}/{repository}",
            hint="exempt tags that begin with sha256- from its rule against overwriting",
        )
    transport.expect(answer, 201)


def _descriptors(found: Sequence[Mapping[str, Any]]) -> list[Descriptor]:
    """Those that can be read: another tool's odd entry is no reason to see none."""
    read = []
    for each in found:
        try:
            read.append(Descriptor.parse(each))
        except (KeyError, TypeError, ValueError):
            continue
    return sorted(read, key=lambda each: each.digest)
