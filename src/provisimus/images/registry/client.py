"""One registry over HTTP: what is there, and putting in what is missing.

Source: OCI Distribution Specification 1.0 / Docker Registry HTTP API V2. Retries what may be
repeated; a stream that breaks off is begun anew by its owner. Bytes read are checked against the
digest that was asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from provisimus.errors import (
    ChecksumMismatch,
    NotFound,
    ProvisimusError,
    Refused,
    Unreachable,
)
from provisimus.images.registry.credentials import authorization, find_credentials
from provisimus.images.registry.names import base_url, split_registry
from provisimus.model import Digest

if TYPE_CHECKING:
    from provisimus.http import httpx

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
ACCEPT = f"{OCI_MANIFEST}, {DOCKER_MANIFEST}, {OCI_INDEX}, {DOCKER_LIST}"

PIECE = 1 << 20
UPLOAD_ATTEMPTS = 3
START_HINT = "start it: provisimus local up, or set registry: url: in provisimus.yaml"


@dataclass(frozen=True)
class Manifest:
    """A manifest as the registry has it; `body` are its exact bytes."""

    digest: Digest
    media_type: str
    body: bytes

    @property
    def data(self) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(self.body)
        return parsed


@dataclass(frozen=True)
class Blob:
    """A blob that is in the registry; `size` in bytes."""

    digest: Digest
    size: int


class Registry:
    """`url` is host:port, with a path before every name if need be."""

    def __init__(self, url: str, pause: Callable[[float], None] | None = None) -> None:
        self.url = url
        self.host, self.prefix = split_registry(url)
        self.base = base_url(url)
        self._pause = pause
        self._authorization: dict[str, str] = {}

    def repository(self, name: str) -> str:
        """The path of an image's repository in this registry."""
        return self.prefix + name

    def reference(self, name: str, digest: Digest | None = None, tag: str | None = None) -> str:
        end = f"@{digest}" if digest else f":{tag}" if tag else ""
        return f"{self.host}/{self.repository(name)}{end}"

    def ping(self) -> None:
        """Raises Unreachable when nothing answers, and when what answers is no registry."""
        self._expect(self._send("GET", "/v2/"), 200)

    def manifest(self, repository: str, reference: str) -> Manifest | None:
        """A manifest by tag or digest; None when it is not there. Raises ChecksumMismatch."""
        answer = self._send(
            "GET", f"/v2/{repository}/manifests/{reference}", headers={"accept": ACCEPT}
        )
        if answer.status_code == 404:
            return None
        self._expect(answer, 200)
        digest = Digest.of(answer.content)
        if reference.startswith("sha256:") and reference != str(digest):
            raise _wrong_bytes(f"{self.host}/{repository}@{reference}", digest)
        kind = answer.headers.get("content-type", "").partition(";")[0]
        return Manifest(digest, kind, answer.content)

    def digest_of(self, repository: str, tag: str) -> Digest | None:
        """What a tag names now, by one HEAD; None when there is no such tag."""
        answer = self._send("HEAD", f"/v2/{repository}/manifests/{tag}", headers={"accept": ACCEPT})
        if answer.status_code == 404:
            return None
        self._expect(answer, 200)
        given = answer.headers.get("docker-content-digest")
        if given:
            return Digest.parse(given)
        found = self.manifest(repository, tag)
        return found.digest if found else None

    def tags(self, repository: str) -> list[str]:
        """All tags, in order; none for a repository that is not there."""
        found: list[str] = []
        path: str | None = f"/v2/{repository}/tags/list?n=1000"
        while path:
            answer = self._send("GET", path)
            if answer.status_code == 404:
                return []
            self._expect(answer, 200)
            found += answer.json().get("tags") or []
            link = answer.links.get("next", {}).get("url")
            path = str(link) if link else None
        return sorted(found)

    def blob(self, repository: str, digest: Digest) -> bytes:
        """A small blob whole. Raises NotFound, ChecksumMismatch."""
        answer = self._send("GET", f"/v2/{repository}/blobs/{digest}")
        self._found(answer, repository, digest)
        if Digest.of(answer.content) != digest:
            raise _wrong_bytes(f"{self.host}/{repository}@{digest}", Digest.of(answer.content))
        content: bytes = answer.content
        return content

    def blob_pieces(self, repository: str, digest: Digest) -> Iterator[bytes]:
        """A blob in pieces, checked at its end. Raises NotFound, ChecksumMismatch, Unreachable."""
        from provisimus.http import reaching

        # Asks first: a challenge is answered there, and the stream then carries the answer.
        self._found(self._send("HEAD", f"/v2/{repository}/blobs/{digest}"), repository, digest)
        seen = hashlib.sha256()
        headers = self._headers(repository)
        path = f"/v2/{repository}/blobs/{digest}"
        with reaching(self.base), self._client.stream("GET", path, headers=headers) as answer:
            self._found(answer, repository, digest)
            for piece in answer.iter_raw(PIECE):
                seen.update(piece)
                yield piece
        if seen.hexdigest() != digest.hex:
            raise _wrong_bytes(f"{self.host}/{repository}@{digest}", Digest(seen.hexdigest()))

    def has_blob(self, repository: str, digest: Digest) -> bool:
        answer = self._send("HEAD", f"/v2/{repository}/blobs/{digest}")
        if answer.status_code == 404:
            return False
        self._expect(answer, 200)
        return True

    def mount(self, repository: str, digest: Digest, source: str) -> bool:
        """Take over a blob from another repository of this registry, without moving it.

        False when the registry does not mount (it may answer with an upload instead).
        """
        if self.has_blob(repository, digest):
            return True
        answer = self._send(
            "POST",
            f"/v2/{repository}/blobs/uploads/?mount={digest}&from={source}",
            scope=f"repository:{source}:pull",
        )
        if answer.status_code == 202:
            self._abandon(answer)
            return False
        self._expect(answer, 201)
        return True

    def put_blob(self, repository: str, data: bytes) -> Blob:
        """A small blob: nothing is sent when it is there."""
        digest = Digest.of(data)
        if not self.has_blob(repository, digest):
            self.upload(repository, lambda: [data])
        return Blob(digest, len(data))

    def upload(self, repository: str, pieces: Callable[[], Iterable[bytes]]) -> Blob:
        """Send a blob while it is made: `pieces` gives its bytes, anew at each attempt.

        A connection that breaks, or a passing fault, begins the upload again.
        """
        last: ProvisimusError | None = None
        for attempt in range(UPLOAD_ATTEMPTS):
            if attempt:
                self._wait(0.2 * 2**attempt)
            try:
                return self._upload_once(repository, pieces())
            except (Unreachable, _PassingFault) as error:
                last = error
        assert last is not None
        raise Unreachable(
            f"registry {self.host} broke off an upload {UPLOAD_ATTEMPTS} times: {last.message}",
            where=f"{self.host}/{repository}",
            hint="nothing was published; the same command goes on from here",
        ) from last

    def _upload_once(self, repository: str, pieces: Iterable[bytes]) -> Blob:
        answer = self._send("POST", f"/v2/{repository}/blobs/uploads/")
        self._expect(answer, 202)
        seen = hashlib.sha256()
        size = 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in pieces:
                seen.update(piece)
                size += len(piece)
                yield piece

        # One PATCH of unknown length, then an empty PUT with the digest: the digest is known
        # only when the last byte has gone out.
        headers = {"content-type": "application/octet-stream"}
        answer = self._once(
            "PATCH", self._location(answer), repository, content=counted(), headers=headers
        )
        self._expect(answer, 202)
        digest = Digest(seen.hexdigest())
        where = self._location(answer)
        mark = "&" if "?" in where else "?"
        answer = self._once(
            "PUT", f"{where}{mark}digest={digest}", repository, headers={"content-length": "0"}
        )
        self._expect(answer, 201)
        return Blob(digest, size)

    def put_manifest(self, repository: str, reference: str, media_type: str, body: bytes) -> Digest:
        """Put a manifest under a tag or its own digest. Raises ChecksumMismatch."""
        answer = self._send(
            "PUT",
            f"/v2/{repository}/manifests/{reference}",
            content=body,
            headers={"content-type": media_type},
        )
        self._expect(answer, 201)
        digest = Digest.of(body)
        given = answer.headers.get("docker-content-digest", str(digest))
        if given != str(digest):
            raise _wrong_bytes(f"{self.host}/{repository}", Digest.parse(given))
        return digest

    @cached_property
    def _client(self) -> httpx.Client:
        from provisimus.http import new_client, trusting_nobody

        options: dict[str, Any] = {}
        if self.base.startswith("http://"):
            options["verify"] = trusting_nobody()
        return new_client(self.base, **options)

    def _headers(self, repository: str) -> dict[str, str]:
        found = self._authorization.get(repository)
        return {"authorization": found} if found else {}

    def _send(self, method: str, url: str, *, scope: str = "", **options: Any) -> httpx.Response:
        """A request that may be repeated, signed in where the registry asks for it."""
        from provisimus.http import send

        repository = _repository_in(url)
        asked = options.pop("headers", {})
        if self._pause is not None:
            options["pause"] = self._pause
        for _ in range(2):
            headers = {**asked, **self._headers(repository)}
            try:
                answer = send(self._client, method, url, headers=headers, **options)
            except Unreachable as error:
                raise Unreachable(error.message, hint=error.hint or START_HINT) from error
            if answer.status_code != 401 or not self._sign_in(answer, repository, scope):
                break
        self._is_registry(answer)
        return answer

    def _once(self, method: str, url: str, repository: str, **options: Any) -> httpx.Response:
        """A request that must not be repeated by itself: its body is gone."""
        from provisimus.http import PASSING, reaching

        headers = {**options.pop("headers", {}), **self._headers(repository)}
        with reaching(self.base):
            answer = self._client.request(method, url, headers=headers, **options)
        # 404: the registry was started anew and has forgotten the upload.
        if answer.status_code in PASSING or answer.status_code == 404:
            raise _PassingFault(f"it answered {answer.status_code} {answer.reason_phrase}")
        return answer

    def _sign_in(self, answer: httpx.Response, repository: str, scope: str) -> bool:
        challenge = answer.headers.get("www-authenticate", "")
        if scope:
            challenge += f' scope="{scope}"'
        found = authorization(self._client, challenge, find_credentials(self.host), self.host)
        changed = self._authorization.get(repository) != found
        self._authorization[repository] = found
        return changed

    def _is_registry(self, answer: httpx.Response) -> None:
        version = answer.headers.get("docker-distribution-api-version")
        kind = answer.headers.get("content-type", "")
        if version or "json" in kind or answer.status_code in (201, 202, 204, 206, 307):
            return
        if answer.status_code == 200 and "octet-stream" in kind:
            return
        if answer.status_code >= 500:
            return
        if answer.request.method == "HEAD" and answer.status_code == 404 and not kind:
            return
        raise Unreachable(
            f"what answers at {self.base} is no Docker registry",
            hint="another program holds the port: end it, or change registry: url: "
            "(PROVISIMUS_LOCAL_REGISTRY_PORT for the local cloud's)",
        )

    def _location(self, answer: httpx.Response) -> str:
        location: str = answer.headers.get("location", "")
        # A registry behind a proxy may name itself wrongly: only its path counts on our host.
        host = f"//{self.host}"
        return location.split(host, 1)[1] if host in location else location

    def _abandon(self, answer: httpx.Response) -> None:
        self._send("DELETE", self._location(answer))

    def _found(self, answer: httpx.Response, repository: str, digest: Digest) -> None:
        if answer.status_code == 404:
            raise NotFound(f"registry {self.host} has no blob {digest} in {repository}")
        self._expect(answer, 200)

    def _expect(self, answer: httpx.Response, status: int) -> None:
        if answer.status_code == status:
            return
        said = ""
        if "json" in answer.headers.get("content-type", ""):
            answer.read()
            errors = answer.json().get("errors") or []
            said = "; ".join(str(each.get("message") or each.get("code")) for each in errors)
        what = f"{answer.request.method} {answer.request.url.path}"
        text = f"registry {self.host} answered {answer.status_code} {answer.reason_phrase}"
        raise (Refused if answer.status_code in (401, 403) else ProvisimusError)(
            text + (f": {said}" if said else ""),
            where=what,
            hint=self._hint(answer.status_code),
        )

    def _hint(self, status: int) -> str | None:
        if status in (401, 403):
            return f"log in: docker login {self.host}"
        if status >= 500:
            # docker-registry answers 500 "unknown error" when its disk is full.
            return "has it room on its disk? its log tells; the same command goes on from here"
        return None

    def _wait(self, seconds: float) -> None:
        if self._pause is not None:
            self._pause(seconds)
        else:
            import time

            time.sleep(seconds)


class _PassingFault(ProvisimusError):
    """A status that a second upload may cure."""


def open_registry(url: str) -> Registry:
    """A registry by its `host:port[/path]`. Nothing is asked of it yet."""
    return Registry(url)


def _repository_in(url: str) -> str:
    path = url.partition("?")[0]
    for end in ("/manifests/", "/blobs/", "/tags/"):
        if end in path:
            return path.partition(end)[0].rpartition("/v2/")[2]
    return ""


def _wrong_bytes(where: str, actual: Digest) -> ChecksumMismatch:
    return ChecksumMismatch(
        f"the registry gave bytes of {actual.short}…, not those that were asked for", where=where
    )
