"""What the metadata service answers: tokens, refusals, and what stands at a path. Pure.

Source: EC2 User Guide, "Use the Instance Metadata Service to access instance metadata". As AWS
does, the packets that carry a token live no longer than HttpPutResponseHopLimit says, so a
container behind a bridge gets none where the limit is 1.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass

from provisimus.localcloud.metadata.description import Description
from provisimus.localcloud.metadata.frames import USUAL_HOPS
from provisimus.localcloud.metadata.http import (
    BadRequestError,
    Reply,
    Request,
    read_request,
    write_reply,
)
from provisimus.localcloud.metadata.tcp import Answer
from provisimus.localcloud.metadata.tree import find, tree

TOKEN = "x-aws-ec2-metadata-token"
TTL = "x-aws-ec2-metadata-token-ttl-seconds"
LONGEST_TTL = 21600
"""Seconds, as documented: six hours."""

VERSIONS = (
    "1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01",
    "2008-09-01", "2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25",
    "2014-11-05", "2015-10-20", "2016-04-19", "2016-06-30", "2016-09-02", "2018-03-28",
    "2018-08-17", "2018-09-24", "2019-10-01", "2020-10-27", "2021-01-03", "2021-03-23",
    "2021-07-15", "2022-07-09", "2022-09-24", "latest",
)  # fmt: skip


@dataclass(frozen=True)
class Tokens:
    """Makes and knows the session tokens of one machine. Nothing is kept: a token proves itself."""

    secret: bytes

    def issue(self, until: float) -> str:
        """A token that is good until a time, in seconds since the epoch."""
        expiry = struct.pack(">d", until)
        return base64.urlsafe_b64encode(expiry + self._seal(expiry)).decode()

    def accepts(self, token: str, now: float) -> bool:
        try:
            raw = base64.urlsafe_b64decode(token)
        except ValueError:
            return False
        if len(raw) != 40 or not hmac.compare_digest(self._seal(raw[:8]), raw[8:]):
            return False
        return bool(struct.unpack(">d", raw[:8])[0] > now)

    def _seal(self, expiry: bytes) -> bytes:
        return hmac.new(self.secret, expiry, hashlib.sha256).digest()


def exchange(data: bytes, described: Description, tokens: Tokens, now: float) -> Answer | None:
    """The answer to what came on a connection; None while the request is not whole."""
    try:
        request = read_request(data)
    except BadRequestError:
        return Answer(write_reply(_error(400)))
    if request is None:
        return None
    reply = answer(request, described, tokens, now)
    hops = USUAL_HOPS if reply.hops is None else reply.hops
    return Answer(write_reply(reply, body=request.method != "HEAD"), hops)


def answer(request: Request, described: Description, tokens: Tokens, now: float) -> Reply:
    """The reply to one request; ``now`` is in seconds since the epoch."""
    if not described.options.enabled:
        return _error(403)
    if request.path.rstrip("/") == "/latest/api/token":
        return _token(request, described, tokens, now)
    if request.method not in ("GET", "HEAD"):
        return _error(405)
    token = request.headers.get(TOKEN)
    if token is None and described.options.tokens_required:
        return _error(401)
    if token is not None and not tokens.accepts(token, now):
        return _error(401)
    version, _, path = request.path.lstrip("/").partition("/")
    if not version:
        return Reply(200, "\n".join(VERSIONS).encode())
    content = find(tree(described), path) if version in VERSIONS else None
    if content is None:
        return _error(404)
    raw = path.strip("/") == "user-data"
    return Reply(200, content, "application/octet-stream" if raw else "text/plain")


def _token(request: Request, described: Description, tokens: Tokens, now: float) -> Reply:
    if request.method != "PUT":
        return _error(405)
    if "x-forwarded-for" in request.headers:  # a proxy passed it on
        return _error(403)
    wanted = request.headers.get(TTL, "")
    if not wanted.isdecimal() or not 1 <= int(wanted) <= LONGEST_TTL:
        return _error(400)
    return Reply(
        200,
        tokens.issue(now + int(wanted)).encode(),
        headers=((TTL, wanted),),
        hops=described.options.hop_limit,
    )


def _error(status: int) -> Reply:
    return Reply(status, f"{status}\n".encode())
