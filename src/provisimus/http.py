"""The network over HTTP: the only place that imports httpx and makes its clients.

What a stage asks of a registry or a repository stands in that stage; here is only how one
speaks: time-outs, retries of what may be repeated, and errors that say who did not answer.
Importing this costs 50 ms, so import it where something is asked, not at the top of a module.
"""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any


@contextmanager
def _without(*names: str) -> Iterator[None]:
    """While the block imports, these are "not installed" (None, by "The module cache" in Python's
    reference), unless they are loaded already.
    """
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


# httpx loads a command line of its own, with rich and pygments, and httpcore HTTP/2 and its way of
# being asynchronous, wherever these happen to be installed: 60 ms for what nobody here asks of it.
with _without("httpx._main", "h2", "anyio", "trio"):
    import httpcore
    import httpx

from provisimus import __version__  # noqa: E402 after the lines above
from provisimus.errors import Unreachable  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ATTEMPTS",
    "PASSING",
    "asked_pause",
    "download",
    "httpx",
    "new_client",
    "place_of",
    "reaching",
    "send",
    "trusting_nobody",
]

CONNECT, READ = 5.0, 60.0
"""Seconds to wait for a connection, and for the next byte."""

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds: who asks for more patience than that gets the last answer told."""

PASSING = frozenset({429, 500, 502, 503, 504})
"""Statuses that a second try may cure (RFC 9110, "Status Codes"; RFC 6585 for 429)."""


def new_client(base_url: str = "", **options: Any) -> httpx.Client:
    """A client with our time-outs and name. The environment's proxies, but for loopback."""
    from urllib.parse import urlsplit

    host = urlsplit(base_url).hostname or ""
    options.setdefault("trust_env", not (host == "localhost" or host.startswith("127.")))
    return httpx.Client(
        base_url=base_url,
        timeout=httpx.Timeout(READ, connect=CONNECT),
        headers={"user-agent": f"provisimus/{__version__}"},
        follow_redirects=True,
        **options,
    )


def trusting_nobody() -> ssl.SSLContext:
    """What `verify` takes where plain HTTP is spoken: httpx makes a context for every client, and
    reading the trusted certificates into it takes 30 ms. Speaking HTTPS with it fails.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def send(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    pause: Callable[[float], None] = time.sleep,
    body: Callable[[], Iterator[bytes]] | None = None,
    **options: Any,
) -> httpx.Response:
    """Send a request that may be repeated: broken connections and passing faults are tried again.

    Waits 0.2, 0.4, 0.8 s or what `Retry-After` asks (LONGEST_WAIT at most). Returns the last
    response, whatever its status. A `body` is begun anew for each attempt; give its length in the
    headers. Raises Unreachable when no connection stands.
    """
    with reaching(str(client.base_url.join(url))):
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            content: dict[str, Any] = {"content": body()} if body else {}
            try:
                response = client.request(method, url, **content, **options)
            except httpx.ConnectError:
                raise
            except httpx.TransportError:
                if last:
                    raise
                pause(0.2 * 2**attempt)
                continue
            if last or response.status_code not in PASSING:
                return response
            pause(asked_pause(response, 0.2 * 2**attempt))
    raise AssertionError("the last attempt returns or raises")


def download(
    client: httpx.Client,
    url: str,
    check: Callable[[httpx.Response], None],
    *,
    pause: Callable[[float], None] = time.sleep,
    size: int = 1 << 20,
) -> Iterator[bytes]:
    """The bytes of a file as they are sent, in pieces of `size`; a cut is gone on from (RFC 9110,
    "Range Requests"), or begun anew where the server knows no ranges. What came twice is left out.

    `check` sees each response and raises for a status that it does not like; passing faults are
    tried again before. Whoever reads compares a checksum: only that tells that the bytes before
    and after a cut belong together. Raises Unreachable when nothing more comes.
    """
    done, failures, tag = 0, 0, ""
    # An encoding would be undone for us, and the file of a vendor is then not what was promised.
    plain = {"accept-encoding": "identity"}
    with reaching(str(client.base_url.join(url))):
        while True:
            resume = {"range": f"bytes={done}-"} if done else {}
            resume |= {"if-range": tag} if done and tag else {}
            try:
                with client.stream("GET", url, headers=plain | resume) as response:
                    if response.status_code in PASSING and failures < ATTEMPTS - 1:
                        failures += 1
                        pause(asked_pause(response, 0.2 * 2 ** (failures - 1)))
                        continue
                    check(response)
                    strong = response.headers.get("etag", "")
                    tag = "" if strong.startswith("W/") else strong
                    skip = 0 if response.status_code == 206 else done
                    for piece in response.iter_raw(size):
                        if len(piece) <= skip:
                            skip -= len(piece)
                            continue
                        yield piece[skip:]
                        done += len(piece) - skip
                        skip = failures = 0
                    return
            except httpx.ConnectError:
                if not done:
                    raise
                failures += 1
            except httpx.UnsupportedProtocol:
                raise
            except httpx.TransportError:
                failures += 1
            if failures >= ATTEMPTS:
                raise Unreachable(
                    f"the download broke off after {done:,} bytes, {failures} times in a row",
                    where=place_of(client.base_url.join(url)),
                    hint="run it again",
                )
            pause(0.2 * 2 ** (failures - 1))


@contextmanager
def conversing(answer: httpx.Response, reply: Callable[[bytes], bytes]) -> Iterator[None]:
    """While the block runs, a thread reads from a connection that was upgraded (101 Switching
    Protocols) and writes what `reply` says to it. Either side may end it, a ValueError of `reply`
    does; the block is not told.
    """
    stream = answer.extensions["network_stream"]

    def converse() -> None:
        with suppress(httpcore.NetworkError, OSError, ValueError):
            while data := stream.read(65536):
                said = reply(data)
                if said:
                    stream.write(said)

    thread = threading.Thread(target=converse, daemon=True)
    thread.start()
    try:
        yield
    finally:
        # Wakes up the thread, which waits for more.
        with suppress(OSError):
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)
        thread.join()


def place_of(url: object) -> str:
    """An address that may be shown: user, password and query (signatures) are left out."""
    return str(httpx.URL(str(url)).copy_with(userinfo=b"", query=None, fragment=None))


def asked_pause(response: httpx.Response, otherwise: float) -> float:
    """Seconds to wait before the next try: `Retry-After` in either of its forms, else `otherwise`.

    LONGEST_WAIT at most (RFC 9110, "Retry-After").
    """
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    asked = response.headers.get("retry-after", "").strip()
    if asked.isdigit():
        return min(LONGEST_WAIT, float(asked))
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return otherwise
    left = (until - datetime.now(UTC)).total_seconds() if until.tzinfo else otherwise
    return max(0.0, min(LONGEST_WAIT, left))


@contextmanager
def reaching(url: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn a broken connection inside the block into Unreachable that names the other side."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}"

    def asked(error: httpx.RequestError) -> str:
        """Who was asked in the end: a redirect may have led elsewhere."""
        try:
            last = error.request.url
        except RuntimeError:
            return place
        there = f"{last.scheme}://{last.netloc.decode()}"
        return place if there == place else f"{there} (to which {place} sent us)"

    try:
        yield
    except httpx.ConnectError as error:
        raise Unreachable(f"nothing answers at {asked(error)}: {error}", hint=hint) from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{asked(error)} did not answer in time", hint=hint) from error
    except httpx.TooManyRedirects as error:
        raise Unreachable(f"{place} sends us from one address to the next", hint=hint) from error
    except httpx.UnsupportedProtocol as error:
        raise Unreachable(f"{place} sends us where we do not go: {error}", hint=hint) from error
    except httpx.InvalidURL as error:
        raise Unreachable(f"{place} names an address that is none: {error}", hint=hint) from error
    except httpx.RequestError as error:
        what = str(error) or type(error).__name__
        raise Unreachable(f"the connection to {place} broke off: {what}", hint=hint) from error
