"""An error as each of AWS's protocols says it. Pure.

Sources: "AWS Query", "EC2 query", "AWS JSON" and "AWS REST" protocols of the Smithy specification.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/aws4_request")

_XML = "text/xml"
_THROTTLED = {
    "ec2": ("RequestLimitExceeded", 503),
    "query": ("Throttling", 400),
    "json": ("ThrottlingException", 400),
    "rest-xml": ("SlowDown", 503),
    "rest-json": ("ThrottlingException", 429),
}
REST_XML = ("s3", "route53", "cloudfront")


@dataclass(frozen=True)
class Call:
    """One request: its service, its action or its method and path, and how it is answered."""

    service: str
    action: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.service}:{self.action}"


def call_of(environ: Mapping[str, Any], action: str) -> Call:
    """What a signed request asks for; ``action`` is the one that it names, or empty."""
    found = _SCOPE.search(str(environ.get("HTTP_AUTHORIZATION", "")))
    service = found[1] if found else "unknown"
    if environ.get("HTTP_X_AMZ_TARGET"):
        return Call(service, action, "json")
    if action:
        return Call(service, action, "ec2" if service == "ec2" else "query")
    asked = f"{environ.get('REQUEST_METHOD')} {environ.get('PATH_INFO', '')}"
    return Call(service, asked, "rest-xml" if service in REST_XML else "rest-json")


def throttled(call: Call) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body that say "slower, please"."""
    code, status = _THROTTLED[call.protocol]
    return error(call, code, "Rate exceeded", status)


def error(
    call: Call, code: str, message: str, status: int = 400
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body of an error with a code."""
    if call.protocol in ("json", "rest-json"):
        body = json.dumps({"__type": code, "message": message, "Message": message}).encode()
        kind = "application/x-amz-json-1.1" if call.protocol == "json" else "application/json"
        return status, [("Content-Type", kind), ("X-Amzn-Errortype", code)], body
    one = f"<Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
    whole = {
        "ec2": f"<Response><Errors><Error>{one}</Error></Errors>"
        "<RequestID>0</RequestID></Response>",
        "query": f"<ErrorResponse><Error><Type>Sender</Type>{one}</Error>"
        "<RequestId>0</RequestId></ErrorResponse>",
        "rest-xml": f"<Error>{one}<RequestId>0</RequestId></Error>",
    }[call.protocol]
    if call.service in ("route53", "cloudfront"):
        whole = f"<ErrorResponse><Error><Type>Sender</Type>{one}</Error></ErrorResponse>"
    return status, [("Content-Type", _XML)], f'<?xml version="1.0"?>{whole}'.encode()
