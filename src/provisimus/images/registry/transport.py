"""Requests to one registry: signed in where it asks, repeated where that is safe.

Knows HTTP and who may see credentials: this registry's host and, over HTTPS or loopback, the realm
that it names. Wherever a redirect or a Location leads else, they stay at home.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from provisimus.errors import ProvisimusError, Refused, Unreachable
from provisimus.images.registry.names import base_url, is_loopback, split_registry

if TYPE_CHECKING:
    from provisimus.http import httpx
    from provisimus.images.registry.credentials import Credentials

START_HINT = "start it: provisimus local up, or set registry: url: in provisimus.yaml"
REMOTE_HINT = "is its name right, and is there a way to it from here (a proxy, a VPN)?"


class PassingFault(ProvisimusError):
    """An answer that another try may cure; `pause` in seconds is what the registry asks for."""

    def __init__(self, message: str, pause: float | None = None) -> None:
        super().__init__(message)
        self.pause = pause


class Transport:
    """`url` is host:port, with a path before every name if need be."""

    def __init__(self, url: str, pause: Callable[[float], None] | None = None) -> None:
        self.host, self.prefix = split_registry(url)
        self.base = base_url(url)
        self._pause = pause
        self._authorization: dict[str, str] = {}
        self._basic = ""
        """Good for every repository, where the registry wants user and password."""
        self._scopes: dict[str, tuple[str, ...]] = {}
        self._bearer = ""
        """The challenge of a registry that gives tokens, once it was seen."""

    @cached_property
    def client(self) -> httpx.Client:
        from provisimus.http import new_client, trusting_nobody

        options: dict[str, Any] = {}
        if self.base.startswith("http://"):
            options["verify"] = trusting_nobody()
        return new_client(self.base, **options)

    @cached_property
    def _credentials(self) -> Credentials | None:
        from provisimus.images.registry.credentials import find_credentials

        return find_credentials(self.host)

    def send(self, method: str, url: str, *, check: bool = True, **options: Any) -> httpx.Response:
        """A request that may be repeated, signed in where the registry asks for it.

        Raises Unreachable when nothing answers, or (with `check`) what answers is no registry.
        """
        from provisimus.http import send

        repository = repository_in(url)
        asked = options.pop("headers", {})
        if self._pause is not None:
            options["pause"] = self._pause
        for _ in range(2):
            headers = {**asked, **self.headers(url, repository)}
            try:
                answer = send(self.client, method, url, headers=headers, **options)
            except Unreachable as error:
                raise Unreachable(error.message, hint=error.hint or self._who_starts_it) from error
            if not self.signed_in_anew(answer, repository):
                break
        if check:
            self._is_registry(answer)
        return answer

    def once(self, method: str, url: str, repository: str, **options: Any) -> httpx.Response:
        """A request that must not be repeated by itself: its body is gone.

        Raises Unreachable, and PassingFault where a try from an earlier point may do.
        """
        from provisimus.http import PASSING, asked_pause, reaching

        headers = {**options.pop("headers", {}), **self.headers(url, repository)}
        with reaching(self.base):
            answer = self.client.request(method, url, headers=headers, **options)
        if answer.status_code in PASSING:
            pause = asked_pause(answer, 0.0) or None
            raise PassingFault(f"it answered {answer.status_code} {answer.reason_phrase}", pause)
        if self.signed_in_anew(answer, repository):
            raise PassingFault("its token had run out")
        return answer

    @contextmanager
    def stream(self, url: str, repository: str, **headers: str) -> Iterator[httpx.Response]:
        """The answer to a GET whose body is read by the caller."""
        from provisimus.http import reaching

        everything = {**headers, **self.headers(url, repository)}
        with reaching(self.base), self.client.stream("GET", url, headers=everything) as answer:
            yield answer

    def grant(self, repository: str, scopes: Iterable[str]) -> None:
        """Get a token for `repository` that covers these scopes too, where tokens are given."""
        known = self._scopes.get(repository, ())
        if self._bearer and not set(scopes) <= set(known):
            from provisimus.images.registry.tokens import united

            own = f"repository:{repository}:pull,push"
            self._sign_in(self._bearer, repository, united(own, *known, *scopes))

    def headers(self, url: str, repository: str) -> dict[str, str]:
        """The Authorization for a request; none for another host."""
        found = self._authorization.get(repository, self._basic)
        return {"authorization": found} if found and self.is_ours(url) else {}

    def is_ours(self, url: str) -> bool:
        parts = urlsplit(url)
        return not parts.netloc or f"{parts.scheme}://{parts.netloc}" == self.base

    def signed_in_anew(self, answer: httpx.Response, repository: str) -> bool:
        """Whether a refusal of this registry was answered with something that may do better."""
        # After a redirect it may be another host that refuses; its realm is not ours.
        if answer.status_code != 401 or not self.is_ours(str(answer.url)):
            return False
        before = self._authorization.get(repository, self._basic)
        challenge = answer.headers.get("www-authenticate", "")
        self._sign_in(challenge, repository, self._scopes.get(repository, ()))
        return self._authorization[repository] != before

    def location(self, answer: httpx.Response) -> str:
        """Where an answer sends us: a path on this registry, or another host's whole address."""
        where = str(answer.headers.get("location", ""))
        parts = urlsplit(where)
        # A registry behind a proxy may name the wrong scheme: the host says that it is ours.
        if parts.netloc == self.host:
            return self.local(where)
        return where

    def local(self, url: str) -> str:
        """The next page is on this registry, whatever host the link names."""
        return urlsplit(url)._replace(scheme="", netloc="").geturl()

    def wait(self, seconds: float) -> None:
        if self._pause is not None:
            self._pause(seconds)
        else:
            import time

            time.sleep(seconds)

    def expect(self, answer: httpx.Response, *statuses: int) -> None:
        """Raises Refused for 401 and 403, ProvisimusError for any other status."""
        if answer.status_code in statuses:
            return
        said = said_in(answer)
        refused = answer.status_code in (401, 403)
        text = f"registry {self.host} answered {answer.status_code} {answer.reason_phrase}"
        raise (Refused if refused else ProvisimusError)(
            text + (f": {said}" if said else ""),
            where=f"{answer.request.method} {answer.request.url.path}",
            hint=self._hint(answer.status_code),
        )

    @property
    def _who_starts_it(self) -> str:
        return START_HINT if is_loopback(self.host) else REMOTE_HINT

    def _hint(self, status: int) -> str | None:
        if status == 413:
            return "a proxy before it limits the size of a request: let 16 MB and more through"
        if status in (401, 403):
            return f"log in: docker login {self.host}"
        if status == 429:
            return "it wants fewer requests: wait, or log in for a higher limit"
        if status >= 500:
            # docker-registry answers 500 "unknown error" when its disk is full.
            return "has it room on its disk? its log tells; the same command goes on from here"
        return None

    def _sign_in(self, challenge: str, repository: str, scopes: tuple[str, ...]) -> None:
        from provisimus.images.registry.tokens import authorization, parse_challenge, united

        found = authorization(self.client, challenge, self._credentials, self.host, scopes)
        self._authorization[repository] = found
        scheme, given = parse_challenge(challenge)
        if scheme == "basic":
            self._basic = found
        if scheme == "bearer":
            self._bearer = f'Bearer realm="{given["realm"]}"' + (
                f',service="{given["service"]}"' if "service" in given else ""
            )
            self._scopes[repository] = united(given.get("scope", ""), *scopes)

    def _is_registry(self, answer: httpx.Response) -> None:
        version = answer.headers.get("docker-distribution-api-version")
        kind = answer.headers.get("content-type", "")
        if version or "json" in kind or answer.status_code in (201, 202, 204, 206, 307):
            return
        if answer.status_code == 200 and "octet-stream" in kind:
            return
        if answer.status_code in (401, 403, 429) or answer.status_code >= 500:
            return
        if answer.request.method == "HEAD" and answer.status_code == 404 and not kind:
            return
        raise Unreachable(
            f"what answers at {self.base} is no Docker registry",
            hint="another program holds the port: end it, or change registry: url: "
            "(PROVISIMUS_LOCAL_REGISTRY_PORT for the local cloud's)",
        )


def said_in(answer: httpx.Response) -> str:
    """What a registry says is wrong, in its own words; empty when it says nothing of use."""
    if "json" not in answer.headers.get("content-type", ""):
        return ""
    try:
        answer.read()
        errors = answer.json().get("errors") or []
        return "; ".join(str(each.get("message") or each.get("code")) for each in errors)
    except (ValueError, AttributeError):
        return ""


def repository_in(url: str) -> str:
    """The repository that a path or an address of the API is about."""
    path = url.partition("?")[0]
    for end in ("/manifests/", "/blobs/", "/tags/", "/referrers/"):
        if end in path:
            return path.partition(end)[0].rpartition("/v2/")[2]
    return ""
