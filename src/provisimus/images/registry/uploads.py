"""Putting one blob into a registry, over a connection that may break at any byte.

    begin (POST) → bytes (PATCH, or PUT whole) → end (PUT with the digest)

What broke off goes on where the registry says it stands (GET of the upload, `Range`), when the
source can give its bytes again from there; else it is begun anew. Source: OCI Distribution
Specification 1.1, "Pushing blobs".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from provisimus.errors import ProvisimusError, Unreachable
from provisimus.images.registry.content import Blob, Known
from provisimus.images.registry.transport import PassingFault, Transport
from provisimus.model import Digest

if TYPE_CHECKING:
    from provisimus.http import httpx

ATTEMPTS = 3
"""How often in a row an upload may break off without getting any further."""

CHUNK = 16 << 20
"""Bytes of one request to a registry that takes no bigger ones (413): a chunk is in memory."""

BITE = 128 << 10
"""Bytes that go to the socket at once. It takes a part of a big piece, and httpcore copies the rest
of it each time: a megabyte is copied four times over, which costs more than hashing it.
"""

Body = bytes | Iterable[bytes]

_BYTES = {"content-type": "application/octet-stream"}


def upload_known(transport: Transport, repository: str, known: Known) -> Blob:
    """Send bytes whose digest is known: in one request, and from where it broke off after that.

    Raises Unreachable, Refused.
    """
    return _Upload(transport, repository, _FromKnown(known)).run()


def upload_made(
    transport: Transport, repository: str, pieces: Callable[[], Iterable[bytes]]
) -> Blob:
    """Send bytes while they are made: `pieces` gives them anew at each attempt.

    When the next attempt makes the same bytes, those that have arrived are not sent again; should
    it make others, the registry sees a wrong digest, and the upload is begun anew.
    """
    return _Upload(transport, repository, _FromMaker(pieces)).run()


class _FromKnown:
    def __init__(self, known: Known) -> None:
        self._known = known
        self.digest = known.digest
        self.size: int | None = known.size
        self.failed: BaseException | None = None

    def read(self, offset: int) -> Iterator[bytes]:
        try:
            yield from self._known.read(offset)
        except Exception as error:
            self.failed = error
            raise


class _FromMaker:
    """Bytes that are hashed on their way; `digest` and `size` are known at their end."""

    def __init__(self, pieces: Callable[[], Iterable[bytes]]) -> None:
        self._pieces = pieces
        self._seen = hashlib.sha256()
        self.size: int | None = None
        self.failed: BaseException | None = None

    @property
    def digest(self) -> Digest:
        return Digest(self._seen.hexdigest())

    def read(self, offset: int) -> Iterator[bytes]:
        self._seen = hashlib.sha256()
        self.size = None
        size = 0
        pieces = self._pieces()
        try:
            for piece in pieces:
                self._seen.update(piece)
                before, size = size, size + len(piece)
                if size > offset:
                    yield piece[max(0, offset - before) :]
            self.size = size
        except Exception as error:
            self.failed = error
            raise
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()


class _Upload:
    """One blob on its way. `_offset` is how many bytes the registry has for sure."""

    def __init__(
        self, transport: Transport, repository: str, source: _FromKnown | _FromMaker
    ) -> None:
        self._transport = transport
        self._repository = repository
        self._source = source
        self._location = ""
        self._offset = 0
        self._resumed = False
        self._chunk = 0

    def run(self) -> Blob:
        last: ProvisimusError | None = None
        failures = 0
        pause: float | None = None
        while failures < ATTEMPTS:
            if failures:
                self._transport.wait(pause or 0.2 * 2**failures)
            reached = self._offset
            try:
                self._find_place(broke_off=last is not None)
                return self._send()
            except (Unreachable, PassingFault) as error:
                if self._source.failed is not None:
                    # It is not this registry that failed.
                    raise
                last = error
                pause = error.pause if isinstance(error, PassingFault) else None
                failures = 1 if self._offset > reached else failures + 1
        assert last is not None
        raise Unreachable(
            f"registry {self._transport.host} broke off an upload {failures} times: {last.message}",
            where=f"{self._transport.host}/{self._repository}",
            hint="nothing was published; the same command goes on from here",
        ) from last

    def _find_place(self, *, broke_off: bool) -> None:
        """Where to go on: an upload that the registry remembers, else a new one."""
        if broke_off and self._location and self._stands():
            self._resumed = True
            return
        self._location, self._offset, self._resumed = "", 0, False
        answer = self._transport.send("POST", f"/v2/{self._repository}/blobs/uploads/")
        self._transport.expect(answer, 202)
        self._moved(answer)
        if self._chunk:
            least = answer.headers.get("oci-chunk-min-length", "")
            self._chunk = max(CHUNK, int(least) if least.isdigit() else 0)

    def _stands(self) -> bool:
        """Ask how far the upload came. False when the registry has forgotten it, or all of it."""
        answer = self._transport.send("GET", self._location, check=False)
        found = re.fullmatch(r"(?:bytes=)?0-(\d+)", answer.headers.get("range", ""))
        # 0-0 is said of one byte and of none.
        if answer.status_code != 204 or found is None or found[1] == "0":
            return False
        self._offset = int(found[1]) + 1
        self._moved(answer)
        return True

    def _send(self) -> Blob:
        source = self._source
        if self._chunk:
            self._send_chunks()
        elif isinstance(source, _FromKnown) and not self._offset:
            # Whole, in one request: "monolithic".
            length = {"content-length": str(source.size)}
            return self._end(source.read(0), length)
        elif source.size is None or self._offset < source.size:
            headers = dict(_BYTES)
            if isinstance(source, _FromKnown) and source.size is not None:
                headers["content-length"] = str(source.size - self._offset)
                headers["content-range"] = f"{self._offset}-{source.size - 1}"
            self._patch(source.read(self._offset), headers)
        return self._end(b"", {"content-length": "0"})

    def _send_chunks(self) -> None:
        start = self._offset
        for chunk in _chunks(self._source.read(start), self._chunk):
            end = start + len(chunk)
            headers = {**_BYTES, "content-range": f"{start}-{end - 1}"}
            try:
                self._patch(chunk, headers)
            except (Unreachable, PassingFault):
                # The chunk is at hand: what arrived of it need not be made again.
                self._transport.wait(0.2)
                if not (self._stands() and start <= self._offset <= end):
                    raise
                if self._offset < end:
                    headers["content-range"] = f"{self._offset}-{end - 1}"
                    self._patch(chunk[self._offset - start :], headers)
            start = self._offset = end

    def _patch(self, content: Body, headers: dict[str, str]) -> None:
        self._moved(self._request("PATCH", self._location, 202, content, headers))

    def _end(self, content: Body, headers: dict[str, str]) -> Blob:
        """The digest of an upload that is made on its way is known when its last byte is out."""
        source = self._source
        mark = "&" if "?" in self._location else "?"
        where = f"{self._location}{mark}{urlencode({'digest': str(source.digest)})}"
        try:
            self._request("PUT", where, 201, content, {**_BYTES, **headers})
        except ProvisimusError:
            # It may have arrived, and only its answer was lost; or it was there before, which some
            # registry may call a fault.
            if source.failed is not None or not self._is_there():
                raise
        assert source.size is not None
        return Blob(source.digest, source.size)

    def _request(
        self, method: str, url: str, status: int, content: Body, headers: dict[str, str]
    ) -> httpx.Response:
        body = content if isinstance(content, bytes) else bites(content)
        answer = self._transport.once(method, url, self._repository, content=body, headers=headers)
        code = answer.status_code
        if code == 404:
            # It was started anew and has forgotten the upload.
            self._location = ""
            raise PassingFault("it answered 404 Not Found")
        if code == 413 and not self._chunk:
            self._location, self._chunk = "", CHUNK
            raise PassingFault("it takes no request of that size")
        if code in (400, 416) and self._resumed:
            # Other bytes than before, or a registry that cannot go on.
            self._location = ""
            raise PassingFault(
                f"it answered {code} {answer.reason_phrase} to the rest of an upload"
            )
        self._transport.expect(answer, status)
        return answer

    def _is_there(self) -> bool:
        path = f"/v2/{self._repository}/blobs/{self._source.digest}"
        return self._transport.send("HEAD", path).status_code == 200

    def _moved(self, answer: httpx.Response) -> None:
        self._location = self._transport.location(answer) or self._location


def bites(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, none of them longer than a BITE."""
    try:
        for piece in pieces:
            if len(piece) <= BITE:
                yield piece
            else:
                yield from (piece[at : at + BITE] for at in range(0, len(piece), BITE))
    finally:
        # Who stops in the middle stops the source, too.
        close = getattr(pieces, "close", None)
        if close is not None:
            close()


def _chunks(pieces: Iterable[bytes], size: int) -> Iterator[bytes]:
    kept = bytearray()
    for piece in pieces:
        kept += piece
        while len(kept) >= size:
            yield bytes(kept[:size])
            del kept[:size]
    if kept:
        yield bytes(kept)
