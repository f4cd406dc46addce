"""One registry over HTTP: what is there, and putting in what is missing.

Source: OCI Distribution Specification 1.1 / Docker Registry HTTP API V2. Retries what may be
repeated; what breaks off goes on where it was. Bytes read are checked against the digest that was
asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from provisimus.errors import Conflict
from provisimus.images.registry.content import (
    ACCEPT,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Blob,
    Descriptor,
    Known,
    Manifest,
)
from provisimus.images.registry.downloads import blob_pieces, found, wrong_bytes
from provisimus.images.registry.transport import Transport, said_in
from provisimus.model import Digest

if TYPE_CHECKING:
    from provisimus.http import httpx

__all__ = [
    "DOCKER_LIST",
    "DOCKER_MANIFEST",
    "OCI_INDEX",
    "OCI_MANIFEST",
    "Blob",
    "Manifest",
    "Registry",
    "open_registry",
]


class Registry:
    """`url` is host:port, with a path before every name if need be."""

    def __init__(self, url: str, pause: Callable[[float], None] | None = None) -> None:
        self.url = url
        self._transport = Transport(url, pause)
        self.host, self.prefix = self._transport.host, self._transport.prefix

    def repository(self, name: str) -> str:
        """The path of an image's repository in this registry."""
        return self.prefix + name

    def reference(self, name: str, digest: Digest | None = None, tag: str | None = None) -> str:
        end = f"@{digest}" if digest else f":{tag}" if tag else ""
        return f"{self.host}/{self.repository(name)}{end}"

    def ping(self) -> None:
        """Raises Unreachable when nothing answers, and when what answers is no registry."""
        self._transport.expect(self._transport.send("GET", "/v2/"), 200)

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """A manifest by tag or digest; None when it is not there. Raises ChecksumMismatch."""
        answer = self._ask("GET", repository, reference)
        if answer.status_code == 404:
            return None
        self._transport.expect(answer, 200)
        digest = Digest.of(answer.content)
        if reference.startswith("sha256:") and reference != str(digest):
            raise wrong_bytes(f"{self.host}/{repository}@{reference}", digest)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        return Manifest(digest, kind, answer.content)

    def digest_of(self, repository: str, tag: str) -> Digest | None:
        """What a tag names now, by one HEAD; None when there is no such tag."""
        answer = self._ask("HEAD", repository, tag)
        if answer.status_code == 404:
            return None
        self._transport.expect(answer, 200)
        given = answer.headers.get("docker-content-digest")
        if given:
            return Digest.parse(given)
        whole = self.manifest(repository, tag)
        return whole.digest if whole else None

    def tags(self, repository: str) -> list[str]:
        """All tags, in order; none for a repository that is not there."""
        known: list[str] = []
        path: str | None = f"/v2/{repository}/tags/list?n=1000"
        while path:
            answer = self._transport.send("GET", path)
            if answer.status_code == 404:
                return []
            self._transport.expect(answer, 200)
            known += answer.json().get("tags") or []
            link = answer.links.get("next", {}).get("url")
            path = self._transport.local(str(link)) if link else None
        return sorted(known)

    def blob(self, repository: str, digest: Digest) -> bytes:
        """A small blob whole. Raises NotFound, ChecksumMismatch."""
        answer = self._transport.send("GET", f"/v2/{repository}/blobs/{digest}")
        found(self._transport, answer, repository, digest)
        if Digest.of(answer.content) != digest:
            raise wrong_bytes(f"{self.host}/{repository}@{digest}", Digest.of(answer.content))
        content: bytes = answer.content
        return content

    def blob_pieces(self, repository: str, digest: Digest, start: int = 0) -> Iterator[bytes]:
        """A blob in pieces, from byte `start` on; one read whole is checked at its end.

        A download that breaks off goes on from there. Raises NotFound, ChecksumMismatch,
        Unreachable.
        """
        return blob_pieces(self._transport, repository, digest, start)

    def has_blob(self, repository: str, digest: Digest) -> bool:
        answer = self._transport.send("HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status_code == 404:
            return False
        self._transport.expect(answer, 200)
        return True

    def mount(self, repository: str, digest: Digest, source: str) -> bool:
        """Take over a blob from another repository of this registry, without moving it.

        False when the registry does not mount (it may answer with an upload instead).
        """
        if self.has_blob(repository, digest):
            return True
        # Whoever may not read the source gets an upload, not a refusal.
        self._transport.grant(repository, [f"repository:{source}:pull"])
        answer = self._transport.send(
            "POST", f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}"
        )
        if answer.status_code == 202:
            self._transport.send("DELETE", self._transport.location(answer), check=False)
            return False
        self._transport.expect(answer, 201)
        return True

    def put_blob(self, repository: str, data: bytes) -> Blob:
        """A small blob, sent unasked: to learn that it is there takes as long as to send it."""
        from provisimus.images.registry.uploads import upload_known

        return upload_known(self._transport, repository, Known.of(data))

    def copy_blob(self, repository: str, known: Known) -> Blob:
        """Bytes whose digest is known: nothing is sent when they are there.

        An upload that breaks off goes on from there. Raises Unreachable, Refused.
        """
        from provisimus.images.registry.uploads import upload_known

        if not self.has_blob(repository, known.digest):
            upload_known(self._transport, repository, known)
        return Blob(known.digest, known.size)

    def upload(self, repository: str, pieces: Callable[[], Iterable[bytes]]) -> Blob:
        """Send a blob while it is made: `pieces` gives its bytes, anew at each attempt.

        After a broken connection, or a passing fault, bytes that have arrived are not sent again.
        """
        from provisimus.images.registry.uploads import upload_made

        return upload_made(self._transport, repository, pieces)

    def put_manifest(self, repository: str, reference: str, media_type: str, body: bytes) -> Digest:
        """Put a manifest under a tag or its own digest.

        A tag that may not move and names this manifest already is success. Raises Conflict when
        it names another, ChecksumMismatch.
        """
        answer = self._transport.send(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            content=body,
            headers={"content-type": media_type},
        )
        digest = Digest.of(body)
        if answer.status_code in (400, 403, 405, 409, 412) and reference != str(digest):
            there = self.digest_of(repository, reference)
            if there == digest:
                return digest
            if there is not None:
                said = said_in(answer) or f"{answer.status_code} {answer.reason_phrase}"
                raise Conflict(
                    f"the tag {reference} names other content ({there.short}…) and may not move to "
                    f"{digest.short}…: {said}",
                    where=f"{self.host}/{repository}:{reference}",
                    hint="build it under a new version; what is published stays as it is",
                )
        self._transport.expect(answer, 201)
        given = answer.headers.get("docker-content-digest", str(digest))
        if given != str(digest):
            raise wrong_bytes(f"{self.host}/{repository}", Digest.parse(given))
        return digest

    def referrers(
        self, repository: str, subject: Digest, artifact_type: str = ""
    ) -> list[Descriptor]:
        """What refers to a manifest (its SBOM …), of one type or of any; by digest."""
        from provisimus.images.registry.referrers import list_referrers

        listed = list_referrers(self._transport, repository, subject)
        return [each for each in listed if artifact_type in ("", each.artifact_type)]

    def put_referrer(self, repository: str, body: bytes) -> Digest:
        """Put a manifest with a subject, so that it is found from there. Its blob is there."""
        from provisimus.images.registry.referrers import put_referrer

        return put_referrer(self._transport, repository, body)

    def _ask(self, method: str, repository: str, reference: str) -> httpx.Response:
        path = f"/v2/{repository}/manifests/{reference}"
        return self._transport.send(method, path, headers={"accept": ACCEPT})


def open_registry(url: str) -> Registry:
    """A registry by its `host:port[/path]`. Nothing is asked of it yet."""
    return Registry(url)
