"""Getting one blob out of a registry in pieces; what breaks off goes on from its last byte.

Source: RFC 9110, "Range Requests"; OCI Distribution Specification 1.1, "Pulling blobs".
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from provisimus.errors import ChecksumMismatch, NotFound, ProvisimusError, Unreachable
from provisimus.images.registry.transport import PassingFault, Transport
from provisimus.model import Digest

if TYPE_CHECKING:
    from provisimus.http import httpx

ATTEMPTS = 4
"""How often in a row a download may break off without a further byte."""


def blob_pieces(
    transport: Transport, repository: str, digest: Digest, start: int = 0
) -> Iterator[bytes]:
    """A blob from byte `start` on; one that is read whole is checked at its end.

    Raises NotFound, ChecksumMismatch, Unreachable.
    """
    path = f"/v2/{repository}/blobs/{digest}"
    # Asks first: a challenge is answered there, and the stream then carries the answer.
    head = transport.send("HEAD", path)
    found(transport, head, repository, digest)
    size = int(head.headers.get("content-length") or -1)
    seen = hashlib.sha256()
    offset = start
    failures = 0
    while offset != size:
        reached = offset
        try:
            with transport.stream(path, repository, **_asking(offset)) as answer:
                skip = _skip(transport, answer, repository, digest, offset)
                # As they come: what waits for a bigger piece is lost when the connection breaks.
                for piece in answer.iter_raw():
                    rest = piece[skip:]
                    skip -= len(piece) - len(rest)
                    if rest:
                        seen.update(rest)
                        offset += len(rest)
                        yield rest
            break
        except (Unreachable, PassingFault) as error:
            failures = 1 if offset > reached else failures + 1
            if failures >= ATTEMPTS:
                raise Unreachable(
                    f"registry {transport.host} broke off a download {failures} times: "
                    f"{error.message}",
                    where=f"{transport.host}/{repository}@{digest}",
                    hint="run the command again",
                ) from error
            pause = error.pause if isinstance(error, PassingFault) else None
            transport.wait(pause or 0.2 * 2**failures)
    if not start and seen.hexdigest() != digest.hex:
        raise wrong_bytes(f"{transport.host}/{repository}@{digest}", Digest(seen.hexdigest()))


def found(transport: Transport, answer: httpx.Response, repository: str, digest: Digest) -> None:
    """Raises NotFound for a blob that is not there, and what else a status says."""
    if answer.status_code == 404:
        raise NotFound(f"registry {transport.host} has no blob {digest} in {repository}")
    transport.expect(answer, 200)


def wrong_bytes(where: str, actual: Digest) -> ChecksumMismatch:
    return ChecksumMismatch(
        f"the registry gave bytes of {actual.short}…, not those that were asked for", where=where
    )


def _asking(offset: int) -> dict[str, str]:
    # A proxy that compressed on its way would change the bytes under the digest.
    plain = {"accept-encoding": "identity"}
    return {**plain, "range": f"bytes={offset}-"} if offset else plain


def _skip(
    transport: Transport, answer: httpx.Response, repository: str, digest: Digest, offset: int
) -> int:
    """How many bytes of this answer are known already: all, where ranges are not spoken."""
    from provisimus.http import PASSING, asked_pause

    if answer.status_code in PASSING:
        said = f"it answered {answer.status_code} {answer.reason_phrase}"
        raise PassingFault(said, asked_pause(answer, 0.0) or None)
    if transport.signed_in_anew(answer, repository):
        raise PassingFault("its token had run out")
    if answer.status_code == 206 and offset:
        given = answer.headers.get("content-range", "")
        if not given.startswith(f"bytes {offset}-"):
            raise ProvisimusError(
                f"registry {transport.host} was asked for the bytes from {offset} on and "
                f"answered with others ({given or 'no content-range'})",
                where=f"{transport.host}/{repository}@{digest}",
            )
        return 0
    found(transport, answer, repository, digest)
    return offset
