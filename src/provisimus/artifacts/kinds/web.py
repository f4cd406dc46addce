"""A Maven repository over HTTP(S): Artifactory, Nexus, Reposilite, any server that takes PUT."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import Sums
from provisimus.artifacts.credentials import how_to_sign_in, signed_client
from provisimus.artifacts.remote import About, Body, RemoteRepository
from provisimus.errors import ProvisimusError, Unreachable, UsageFault

if TYPE_CHECKING:
    from provisimus.http import httpx

REFUSALS = (400, 403, 405, 409, 412, 422)
"""How servers say that a release cannot be put once more: Nexus 400, Reposilite 409, S3 412 …"""


def matches(location: str) -> bool:
    return location.startswith(("http://", "https://"))


def open_repository(name: str, location: str, root: Path, cache: Cache) -> RemoteRepository:  # noqa: ARG001
    from urllib.parse import urlsplit

    parts = urlsplit(location)
    if parts.username or parts.password:
        raise UsageFault(
            f"the address of binary repository {name} holds credentials",
            where=f"provisimus.yaml: artifacts/{name}",
            hint=f"take them out, then {how_to_sign_in(name, parts.hostname or '')}",
        )
    location = location.rstrip("/") + "/"
    return RemoteRepository(name, location, WebStore(name, location), cache)


@dataclass(frozen=True)
class WebStore:
    """`location` ends in a slash."""

    name: str
    location: str

    def about(self, path: str) -> About | None:
        answer = self._send("HEAD", path)
        if answer.status_code == 404:
            return None
        self._check(answer)
        headers = answer.headers
        if headers.get("content-type", "").startswith("text/html") and "." in path:
            raise ProvisimusError(
                f"binary repository {self.name} answered with a page instead of a file",
                where=f"{self.location}{path}",
                hint="does it want a login? " + how_to_sign_in(self.name, self._host),
            )
        sums = {
            algorithm: headers[f"x-checksum-{algorithm}"].strip().lower()
            for algorithm in ("sha256", "sha512", "sha1", "md5")
            if f"x-checksum-{algorithm}" in headers
        }
        length = headers.get("content-length", "")
        tag = headers.get("etag") or headers.get("last-modified") or ""
        # Nexus puts the SHA-1 into the tag.
        nexus = re.search(r"\{SHA1\{([0-9a-f]{40})\}\}", tag)
        if nexus:
            sums.setdefault("sha1", nexus[1])
        return About(int(length) if length.isdigit() else None, sums, tag)

    def text(self, path: str) -> str | None:
        answer = self._send("GET", path)
        if answer.status_code == 404:
            return None
        self._check(answer)
        text: str = answer.text
        return text

    def pieces(self, path: str) -> Iterator[bytes]:
        from provisimus.http import download

        return download(self._client, path, self._check)

    def put(self, path: str, body: Body, sums: Sums, *, replace: bool) -> bool:
        headers = {
            "content-length": str(sums.size),
            "content-type": "application/octet-stream",
            # Artifactory compares them with what arrived, and answers 409 for what did not.
            "x-checksum-sha256": sums.sha256.hex,
            **{f"x-checksum-{name}": value for name, value in sums.others.items()},
        }
        if not replace:
            headers["if-none-match"] = "*"
        answer = self._send("PUT", path, body=body, headers=headers)
        if not replace and answer.status_code in REFUSALS and self.about(path) is not None:
            return False
        self._check(answer)
        return True

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        from provisimus.http import send

        try:
            return send(self._client, method, path, **options)
        except Unreachable as error:
            raise Unreachable(
                error.message,
                where=f"binary repository {self.name}: {self.location}",
                hint=error.hint or self._hint,
            ) from error

    @property
    def _hint(self) -> str:
        return f"is it up, and is artifacts: {self.name}: right in provisimus.yaml? run it again"

    def artifacts(self) -> None:
        """What is in it, each server tells in its own way, and a plain one not at all."""

    @cached_property
    def _client(self) -> httpx.Client:
        return signed_client(self.name, self.location)

    @property
    def _host(self) -> str:
        from urllib.parse import urlsplit

        return urlsplit(self.location).hostname or ""

    def _check(self, answer: httpx.Response) -> None:
        from provisimus.http import place_of

        if answer.status_code < 400:
            return
        hint = None
        if answer.status_code == 401:
            hint = how_to_sign_in(self.name, self._host)
        elif answer.status_code == 403:
            hint = "who you are may not do this here; ask the repository's owner"
        elif answer.status_code >= 500:
            hint = self._hint
        raise ProvisimusError(
            f"binary repository {self.name} answered {answer.status_code} {answer.reason_phrase}",
            where=f"{answer.request.method} {place_of(answer.request.url)}",
            hint=hint,
        )
