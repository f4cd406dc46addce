"""The network over HTTP: the only place that imports httpx and makes its clients.

What a stage asks of a registry or a repository stands in that stage; here is only how one
speaks: time-outs, retries of what may be repeated, and errors that say who did not answer.
Importing this costs 50 ms, so import it where something is asked, not at the top of a module.
"""

from __future__ import annotations

import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

# httpx loads a command line of its own, with rich and pygments, wherever these are installed.
# None is "not installed" to an import ("The module cache" in Python's reference): 40 ms less.
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]

import httpx  # noqa: E402 after the line above

from provisimus import __version__  # noqa: E402
from provisimus.errors import Unreachable  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ATTEMPTS", "PASSING", "httpx", "new_client", "reaching", "send", "trusting_nobody"]

CONNECT, READ = 5.0, 60.0
"""Seconds to wait for a connection, and for the next byte."""

ATTEMPTS = 4
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
    **options: Any,
) -> httpx.Response:
    """Send a request that may be repeated: broken connections and passing faults are tried again.

    Waits 0.2, 0.4, 0.8 s or what `Retry-After` asks (10 s at most). Returns the last response,
    whatever its status. Raises Unreachable when no connection stands.
    """
    with reaching(str(client.base_url.join(url))):
        for attempt in range(ATTEMPTS):
            last = attempt == ATTEMPTS - 1
            try:
                response = client.request(method, url, **options)
            except httpx.ConnectError:
                raise
            except httpx.TransportError:
                if last:
                    raise
                pause(0.2 * 2**attempt)
                continue
            if last or response.status_code not in PASSING:
                return response
            asked = response.headers.get("retry-after", "")
            pause(min(10.0, float(asked)) if asked.isdigit() else 0.2 * 2**attempt)
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def reaching(url: str, *, hint: str | None = None) -> Iterator[None]:
    """Turn a broken connection inside the block into Unreachable that names the other side."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.netloc}"
    try:
        yield
    except httpx.ConnectError as error:
        raise Unreachable(f"nothing answers at {place}: {error}", hint=hint) from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{place} did not answer in time", hint=hint) from error
    except httpx.TransportError as error:
        what = str(error) or type(error).__name__
        raise Unreachable(f"the connection to {place} broke off: {what}", hint=hint) from error
