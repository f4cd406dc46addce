"""Credentials for a registry, from Docker's own configuration, and the answer to its challenge.

Sources: `~/.docker/config.json` (`auths`, `credHelpers`, `credsStore`) and the token
specification of the distribution project. Secrets are never logged.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.errors import ProvisimusError, ToolFailed, ToolMissing
from provisimus.process import run

if TYPE_CHECKING:
    from provisimus.http import httpx


@dataclass(frozen=True)
class Credentials:
    user: str
    secret: str = field(repr=False)

    @property
    def basic(self) -> str:
        pair = f"{self.user}:{self.secret}".encode()
        return "Basic " + base64.b64encode(pair).decode()


def find_credentials(host: str, variables: Mapping[str, str] = os.environ) -> Credentials | None:
    """What Docker would use for this registry; None when it has nothing."""
    folder = variables.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    try:
        config = json.loads((Path(folder) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    auths = config.get("auths") or {}
    names = (host, f"https://{host}", f"http://{host}")
    entry: dict[str, str] = next((auths[name] for name in names if auths.get(name)), {})
    if entry.get("auth"):
        user, _, secret = base64.b64decode(entry["auth"]).decode().partition(":")
        return Credentials(user, secret)
    helper = config.get("credHelpers", {}).get(host) or config.get("credsStore")
    if helper:
        return _ask(f"docker-credential-{helper}", host)
    return None


def _ask(helper: str, host: str) -> Credentials | None:
    try:
        answer = json.loads(run([helper, "get"], stdin=host.encode(), timeout=30).stdout)
        return Credentials(answer["Username"], answer["Secret"])
    except (ToolFailed, ToolMissing, ValueError, KeyError):
        return None


def parse_challenge(header: str) -> tuple[str, dict[str, str]]:
    """`WWW-Authenticate` as its scheme in lower case and its parameters."""
    scheme, _, rest = header.partition(" ")
    return scheme.lower(), dict(re.findall(r'(\w+)="([^"]*)"', rest))


def authorization(
    client: httpx.Client, challenge: str, credentials: Credentials | None, host: str
) -> str:
    """The Authorization header that answers a challenge. Raises ProvisimusError without access."""
    scheme, given = parse_challenge(challenge)
    hint = f"log in: docker login {host}"
    if scheme == "basic" and credentials:
        return credentials.basic
    if scheme != "bearer" or "realm" not in given:
        raise ProvisimusError(f"registry {host} wants credentials", hint=hint)
    query: dict[str, str] = {key: given[key] for key in ("service", "scope") if key in given}
    headers = {"authorization": credentials.basic} if credentials else {}
    answer = client.get(given["realm"], params=query, headers=headers)
    if answer.status_code != 200:
        raise ProvisimusError(
            f"registry {host} gives no token ({answer.status_code} {answer.reason_phrase})",
            hint=hint,
        )
    body = answer.json()
    return "Bearer " + str(body.get("token") or body.get("access_token"))
