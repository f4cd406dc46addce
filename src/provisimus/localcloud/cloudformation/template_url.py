"""Where a TemplateURL points to, and what lies there: an object in a bucket of this cloud.

Sources: API reference, CreateStack (TemplateURL); "Methods for accessing a general purpose bucket"
in the S3 User Guide.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from provisimus.localcloud.cloudformation.cloud import Cloud, code_of
from provisimus.localcloud.cloudformation.errors import ValidationError
from provisimus.localcloud.cloudformation.limits import check_stored

_VIRTUAL = re.compile(r"(?P<bucket>.+)\.s3[.-](?:dualstack\.)?[a-z0-9-]*\.?amazonaws\.com")
_BY_PATH = re.compile(r"s3[.-]?(?:dualstack\.)?[a-z0-9-]*\.?amazonaws\.com")


def location(url: str) -> tuple[str, str] | None:
    """Bucket and key; None where it is no URL of S3, nor of this cloud's own endpoint."""
    parts = urlsplit(url)
    host, path = (parts.hostname or "").lower(), unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("http", "https"):
        return None
    virtual = _VIRTUAL.fullmatch(host)
    if virtual:
        return (virtual["bucket"], path) if path else None
    if not (_BY_PATH.fullmatch(host) or _is_loopback(host)):
        return None
    bucket, _, key = path.partition("/")
    return (bucket, key) if bucket and key else None


def fetch(cloud: Cloud, url: str) -> str:
    """The template's text. Raises ValidationError."""
    place = location(url)
    if place is None:
        raise ValidationError("TemplateURL must be a supported URL.")
    try:
        found = cloud.s3.get_object(Bucket=place[0], Key=place[1])["Body"].read()
    except ClientError as error:
        code = code_of(error)
        said = {
            "NoSuchBucket": "The specified bucket does not exist",
            "NoSuchKey": "The specified key does not exist.",
        }.get(code, "Access Denied")
        raise ValidationError(f"S3 error: {said}") from error
    check_stored(found)
    try:
        return bytes(found).decode()
    except UnicodeDecodeError as error:
        raise ValidationError("Template format error: it is not UTF-8") from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
