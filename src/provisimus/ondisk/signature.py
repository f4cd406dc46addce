"""Signature Version 4, for the requests made here: POST to `/` without a query. Pure.

"Create a signed AWS API request" in the IAM user guide tells each step.
"""

from __future__ import annotations

import hashlib
import hmac

ALGORITHM = "AWS4-HMAC-SHA256"


class Keys:
    """What a role lends for some hours. Never printed."""

    __slots__ = ("access", "secret", "token")

    def __init__(self, access: str, secret: str, token: str = "") -> None:
        self.access = access
        self.secret = secret
        self.token = token


def signed(
    method: str,
    headers: dict[str, str],
    body: bytes,
    keys: Keys,
    scope: tuple[str, str],
    now: str,
) -> dict[str, str]:
    """The headers to send, among them the signature. All of `headers` are signed: `host` must be
    there. `scope` is region and service, `now` is `YYYYMMDDTHHMMSSZ`."""
    sent = {name.lower(): value.strip() for name, value in headers.items()}
    sent["x-amz-date"] = now
    if keys.token:
        sent["x-amz-security-token"] = keys.token
    names = ";".join(sorted(sent))
    canonical = "\n".join(
        [
            *(method, "/", ""),
            *(f"{name}:{sent[name]}" for name in sorted(sent)),
            *("", names, hashlib.sha256(body).hexdigest()),
        ]
    )
    region, service = scope
    where = f"{now[:8]}/{region}/{service}/aws4_request"
    key = b"AWS4" + keys.secret.encode()
    for part in where.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    signature = hmac.digest(key, f"{ALGORITHM}\n{now}\n{where}\n{digest}".encode(), "sha256").hex()
    sent["authorization"] = (
        f"{ALGORITHM} Credential={keys.access}/{where}, SignedHeaders={names}, "
        f"Signature={signature}"
    )
    return sent
