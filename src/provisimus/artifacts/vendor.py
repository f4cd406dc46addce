"""A vendor's file by its address and SHA-256: fetched once, verified while it streams, then kept.

With the file here, nothing is asked of the vendor any more.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provisimus.artifacts.cache import Cache
from provisimus.artifacts.checksums import verified
from provisimus.errors import ChecksumMismatch, ProvisimusError, Unreachable, UsageFault
from provisimus.model import Artifact, Digest, VendorFile

if TYPE_CHECKING:
    from provisimus.http import httpx

REPOSITORY = "vendor"
"""The name under which an artifact says that it is in no binary repository."""


def fetch(
    cache: Cache, url: str, sha256: Digest, version: str = "", *, anew: bool = False
) -> Artifact:
    """With `anew` the vendor is asked though the bytes are here: that they are *from there* is then
    true. Raises UsageFault, ProvisimusError, Unreachable, and ChecksumMismatch for other bytes.
    """
    named = VendorFile(url, version)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageFault(f"{named} is no address of a file", hint="http://… or https://…")
    if parts.username or parts.password:
        shown = f"{parts.scheme}://{parts.hostname}{parts.path}"
        hint = f"take them out, and write them into ~/.netrc for {parts.hostname}"
        raise UsageFault(f"the address {shown} holds credentials", hint=hint)
    path = cache.path(sha256)
    if path is None or anew:
        from provisimus.artifacts.credentials import signed_client
        from provisimus.http import download

        with signed_client("", url) as client:
            try:
                stream = download(client, url, _check)
                if path is None:
                    path = cache.fetch(sha256, stream, str(named))
                else:
                    deque(verified(stream, sha256, str(named)), maxlen=0)
            except ChecksumMismatch as error:
                raise ChecksumMismatch(
                    error.message,
                    where=error.where,
                    hint="the vendor replaced the file, or it is not the one you mean: compare "
                    "with what the vendor says, then correct sha256: in the manifest",
                ) from None
            except Unreachable as error:
                raise Unreachable(
                    error.message,
                    where=error.where or str(named),
                    hint="is the vendor's address right? run it again; or keep the file yourself: "
                    "provisimus artifact import",
                ) from error
    return Artifact(named, REPOSITORY, str(named), sha256, path.stat().st_size)


def _check(answer: httpx.Response) -> None:
    from provisimus.http import place_of

    if answer.status_code >= 400:
        asked = answer.status_code in (401, 403)
        raise ProvisimusError(
            f"the vendor answered {answer.status_code} {answer.reason_phrase}",
            where=place_of(answer.request.url),
            hint="write user and password into ~/.netrc" if asked else "is the address right?",
        )
