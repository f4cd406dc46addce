"""Credentials for a registry, as Docker would find them; for Amazon ECR, from AWS.

Source: `~/.docker/config.json` (`auths` with `auth` and `identitytoken`, `credHelpers`,
`credsStore`). Secrets are never logged; how they become an Authorization is `tokens.py`.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from provisimus.errors import ToolFailed, ToolMissing
from provisimus.images.registry.ecr import ecr_login
from provisimus.images.registry.names import DOCKER_HUB
from provisimus.process import run

HUB_KEY = "https://index.docker.io/v1/"
"""How Docker's configuration names Docker Hub."""

BY_TOKEN = "<token>"  # noqa: S105 - a name that helpers give, not a secret
"""The user name with which a helper says that its secret is an identity token."""


@dataclass(frozen=True)
class Credentials:
    """User and password, or an identity token (`refresh`) to be exchanged by OAuth 2."""

    user: str
    secret: str = field(repr=False)
    refresh: str = field(default="", repr=False)

    @property
    def basic(self) -> str:
        pair = f"{self.user}:{self.secret}".encode()
        return "Basic " + base64.b64encode(pair).decode()


def find_credentials(host: str, variables: Mapping[str, str] = os.environ) -> Credentials | None:
    """What Docker would use for this registry; None when it has nothing.

    A helper named for the host goes first, then AWS for a host of ECR, then what was stored.
    """
    folder = variables.get("DOCKER_CONFIG") or str(Path.home() / ".docker")
    config = _read(Path(folder) / "config.json")
    key = HUB_KEY if host == DOCKER_HUB else host
    helper = _mapping(config, "credHelpers").get(key)
    if helper:
        return _ask(f"docker-credential-{helper}", key)
    given = ecr_login(host)
    if given:
        return Credentials(*given)
    auths = _mapping(config, "auths")
    names = (key, f"https://{key}", f"http://{key}", f"https://{key}/v1/", f"https://{key}/v2/")
    entry: Mapping[str, Any] = next((auths[name] for name in names if auths.get(name)), {})
    found = _stored(entry)
    if found is None and config.get("credsStore"):
        return _ask(f"docker-credential-{config['credsStore']}", key)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _mapping(config: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = config.get(key)
    return found if isinstance(found, dict) else {}


def _stored(entry: Mapping[str, Any]) -> Credentials | None:
    try:
        pair = base64.b64decode(entry.get("auth") or "").decode()
    except (binascii.Error, ValueError):
        return None
    user, _, secret = pair.partition(":")
    user, secret = entry.get("username") or user, entry.get("password") or secret
    refresh = entry.get("identitytoken") or ""
    # Docker pads old entries with zero bytes.
    return Credentials(user, secret.strip("\0"), refresh) if secret or refresh else None


def _ask(helper: str, key: str) -> Credentials | None:
    try:
        answer = json.loads(run([helper, "get"], stdin=key.encode(), timeout=30).stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ToolFailed, ToolMissing, ValueError, KeyError, TypeError):
        return None
    return Credentials("", "", secret) if user == BY_TOKEN else Credentials(user, secret)
