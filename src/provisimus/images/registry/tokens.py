"""The answer to a registry's challenge: basic authentication, or a token from its realm.

Source: the token specification of the distribution project ("Token Authentication", "OAuth2
Token Authentication"). A realm may be another host; credentials go to it over HTTPS only, or over
loopback.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from provisimus.errors import ProvisimusError, Refused
from provisimus.images.registry.credentials import Credentials
from provisimus.images.registry.names import is_loopback

if TYPE_CHECKING:
    from provisimus.http import httpx

CLIENT_ID = "provisimus"


def parse_challenge(header: str) -> tuple[str, dict[str, str]]:
    """`WWW-Authenticate` as its scheme in lower case and its parameters."""
    scheme, _, rest = header.strip().partition(" ")
    pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,"]+))', rest)
    return scheme.lower(), {key.lower(): quoted or bare for key, quoted, bare in pairs}


def united(*scopes: str) -> tuple[str, ...]:
    """Scopes of one token: actions on one repository are joined, in a fixed order.

    `repository:a:pull` and `repository:a:push repository:b:pull` become
    `repository:a:pull,push`, `repository:b:pull`.
    """
    found: dict[str, set[str]] = {}
    for each in " ".join(scopes).split():
        resource, _, actions = each.rpartition(":")
        found.setdefault(resource, set()).update(actions.split(","))
    return tuple(f"{name}:{','.join(sorted(actions))}" for name, actions in sorted(found.items()))


def authorization(
    client: httpx.Client,
    challenge: str,
    credentials: Credentials | None,
    host: str,
    scopes: Iterable[str] = (),
) -> str:
    """The Authorization header that answers a challenge, for `scopes` and those it names itself.

    Raises ProvisimusError without access, Refused where credentials would go out in the clear.
    """
    scheme, given = parse_challenge(challenge)
    hint = f"log in: docker login {host}"
    if scheme == "basic" and credentials and not credentials.refresh:
        return credentials.basic
    if scheme != "bearer" or "realm" not in given:
        raise ProvisimusError(f"registry {host} wants credentials", hint=hint)
    realm = given["realm"]
    if credentials:
        _may_have_credentials(realm, host)
    service = {"service": given["service"]} if "service" in given else {}
    wanted = united(given.get("scope", ""), *scopes)
    if credentials and credentials.refresh:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": credentials.refresh,
            "client_id": CLIENT_ID,
            **service,
            **({"scope": " ".join(wanted)} if wanted else {}),
        }
        # No redirect: it would carry the identity token to wherever it leads.
        answer = client.post(realm, data=form, follow_redirects=False)
    else:
        query: dict[str, str | list[str]] = {**service, "scope": list(wanted)}
        headers = {"authorization": credentials.basic} if credentials else {}
        answer = client.get(realm, params=query, headers=headers, follow_redirects=False)
    if answer.status_code != 200:
        raise ProvisimusError(
            f"registry {host} gives no token ({answer.status_code} {answer.reason_phrase})",
            hint=hint,
        )
    return "Bearer " + _token(answer, host)


def _token(answer: httpx.Response, host: str) -> str:
    try:
        body = answer.json()
        found = body.get("token") or body.get("access_token")
    except (ValueError, AttributeError):
        found = None
    if not isinstance(found, str):
        raise ProvisimusError(
            f"registry {host} names a realm that gives no token",
            where=f"{answer.request.url.scheme}://{answer.request.url.netloc.decode()}",
        )
    return found


def _may_have_credentials(realm: str, host: str) -> None:
    parts = urlsplit(realm)
    if parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.netloc)):
        return
    raise Refused(
        f"registry {host} wants its password sent in the clear to {parts.scheme}://{parts.netloc}",
        hint="its realm has to be an https:// address; nothing was sent",
    )
