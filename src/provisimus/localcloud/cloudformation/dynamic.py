"""Dynamic references: `{{resolve:ssm:…}}` and `{{resolve:secretsmanager:…}}`.

They stay as written in what the engine stores, compares and shows; only what is handed to a
service API is resolved, so no secret stands in the engine's state.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from provisimus.localcloud.cloudformation.errors import ResourceFailed

_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^}]+)\}\}")


@dataclass(frozen=True)
class Lookups:
    """Where the values come from: names in, text out."""

    ssm: Callable[[str], str]
    secret: Callable[[str, str | None, str | None], str]
    """(secret id, version stage, version id) → its text."""


def resolve(value: Any, lookups: Lookups) -> Any:
    """The value with every dynamic reference replaced; raises ResourceFailed."""
    if isinstance(value, Mapping):
        return {key: resolve(inner, lookups) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, lookups) for inner in value]
    if isinstance(value, str) and "{{resolve:" in value:
        return _REFERENCE.sub(lambda match: _one(match[1], match[2], lookups), value)
    return value


def _one(service: str, rest: str, lookups: Lookups) -> str:
    if service in ("ssm", "ssm-secure"):
        return lookups.ssm(rest)
    if service == "secretsmanager":
        return _secret(rest, lookups)
    raise ResourceFailed(f"Dynamic reference {service} is not known; use ssm or secretsmanager")


def _secret(rest: str, lookups: Lookups) -> str:
    identifier, marker, tail = rest.partition(":SecretString")
    if not marker:
        return lookups.secret(rest, None, None)
    key, stage, version = (*tail.removeprefix(":").split(":"), "", "", "")[:3]
    text = lookups.secret(identifier, stage or None, version or None)
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise ResourceFailed(
            f"Could not find a value associated with JSONKey in SecretString: {key}"
        ) from None
