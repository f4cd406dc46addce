"""Credentials for Amazon ECR: a token of twelve hours, asked of AWS itself.

Source: ECR's API, GetAuthorizationToken. Asked with the machine's own AWS credentials, only for a
host that is ECR's by its name, and once a run.
"""

from __future__ import annotations

import base64
import re
import threading
import time

from provisimus.errors import ProvisimusError, Unreachable

_HOST = re.compile(r"(\d{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_EARLY = 300.0
"""Seconds before its end at which a token is asked for anew."""

_tokens: dict[str, tuple[float, str, str]] = {}
_one_at_a_time = threading.Lock()


def is_ecr(host: str) -> bool:
    return _HOST.fullmatch(host) is not None


def ecr_login(host: str) -> tuple[str, str] | None:
    """User and password for a registry of ECR; None for another host, or without AWS credentials.

    Raises CloudFault when AWS refuses.
    """
    found = _HOST.fullmatch(host)
    if found is None:
        return None
    with _one_at_a_time:
        known = _tokens.get(host)
        if known and known[0] - _EARLY > time.time():
            return known[1], known[2]
        fresh = _ask(found[1], found[2])
        if fresh is None:
            return None
        _tokens[host] = fresh
        return fresh[1], fresh[2]


def _ask(account: str, region: str) -> tuple[float, str, str] | None:
    from provisimus.aws import Cloud, speaking

    cloud = Cloud(region)
    try:
        with speaking(cloud, f"get a token for the registry of account {account} in {region}"):
            answer = cloud.ecr.get_authorization_token(registryIds=[account])
    except Unreachable as error:
        # No AWS credentials here: what Docker's configuration says may do.
        if "no AWS credentials" in error.message:
            return None
        raise
    for given in answer["authorizationData"]:
        user, separator, secret = (
            base64.b64decode(given["authorizationToken"]).decode().partition(":")
        )
        if separator:
            return given["expiresAt"].timestamp(), user, secret
    raise ProvisimusError(f"AWS gave no token for the registry of account {account}")
