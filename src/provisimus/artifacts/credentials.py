"""Who we are to a binary repository over HTTP. Secrets are never in the workspace, never shown.

Asked in this order, the first that knows something wins:
1. the environment: PROVISIMUS_ARTIFACTS_<NAME>_TOKEN, or …_USER and …_PASSWORD;
2. Maven's ~/.m2/settings.xml: the <server> whose id is the repository's name in provisimus.yaml,
   with user and password or with httpHeaders (that is how Maven sends tokens);
3. netrc: NETRC, or ~/.netrc, by host.
"""

from __future__ import annotations

import base64
import netrc
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.http import httpx


@dataclass(frozen=True)
class Credentials:
    """Headers to send, and where they were found."""

    headers: Mapping[str, str] = field(repr=False)
    source: str


def find_credentials(
    name: str, host: str, variables: Mapping[str, str] = os.environ
) -> Credentials | None:
    """For the repository that provisimus.yaml calls `name`; None where nobody knows anything.

    Without a name (a vendor's address) only netrc is asked.

    Raises UsageFault for an entry that cannot be read.
    """
    home = Path(variables.get("HOME") or Path.home())
    named = name and (
        _of_environment(name, variables)
        or _of_settings(home / ".m2" / "settings.xml", name, variables)
    )
    return named or (_of_netrc(Path(variables.get("NETRC") or home / ".netrc"), host))


def signed_client(name: str, location: str) -> httpx.Client:
    """A client that says who we are to the origin of `location`, and to nobody else.

    Artifactory, Nexus and vendors redirect downloads to a storage that is not theirs.
    """
    from provisimus.http import new_client

    origin = _origin(location)
    found = find_credentials(name, origin[1].partition(":")[0])
    headers = dict(found.headers) if found else {}
    allowed = os.environ.get(variable(name, "IN_CLEAR")) == "yes"
    if headers and origin[0] == "http" and not allowed and not _is_here(location):
        raise UsageFault(
            f"credentials would go to {origin[1]} in clear",
            where=found.source if found else None,
            hint="write https://" + (f", or set {variable(name, 'IN_CLEAR')}=yes" if name else ""),
        )

    def sign(request: httpx.Request) -> None:
        for key, value in headers.items():
            if _origin(str(request.url)) == origin:
                request.headers[key] = value
            else:
                request.headers.pop(key, None)

    return new_client(location, event_hooks={"request": [sign]})


def _origin(url: str) -> tuple[str, str]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme, parts.netloc.rpartition("@")[2]


def _is_here(url: str) -> bool:
    """Whether what is sent there never leaves this machine."""
    from urllib.parse import urlsplit

    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def variable(name: str, what: str) -> str:
    """The environment variable for one repository: PROVISIMUS_ARTIFACTS_RELEASES_TOKEN."""
    return f"PROVISIMUS_ARTIFACTS_{re.sub(r'[^A-Za-z0-9]', '_', name).upper()}_{what}"


def how_to_sign_in(name: str, host: str) -> str:
    return (
        f"set {variable(name, 'USER')} and …_PASSWORD, or …_TOKEN; or add a <server> with the id "
        f"{name} to ~/.m2/settings.xml, or {host} to ~/.netrc"
    )


def _of_environment(name: str, variables: Mapping[str, str]) -> Credentials | None:
    token = variables.get(variable(name, "TOKEN"))
    if token:
        return Credentials({"authorization": f"Bearer {token}"}, variable(name, "TOKEN"))
    user, password = (variables.get(variable(name, each)) for each in ("USER", "PASSWORD"))
    if user and password is not None:
        return Credentials({"authorization": _basic(user, password)}, variable(name, "USER"))
    return None


def _of_settings(path: Path, name: str, variables: Mapping[str, str]) -> Credentials | None:
    from xml.etree import ElementTree as ET

    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return None
    # A document type could make a small file a huge one; settings have none.
    if "<!DOCTYPE" in text:
        raise UsageFault("Maven's settings hold a document type", where=str(path))
    try:
        root = ET.fromstring(text)  # noqa: S314 - no document type, so no entities
    except ET.ParseError as error:
        raise UsageFault(f"Maven's settings are no XML: {error}", where=str(path)) from None
    for server in root.findall("{*}servers/{*}server"):
        if _value(server.findtext("{*}id"), variables) == name:
            return _of_server(server, path, name, variables)
    return None


def _of_server(
    server: object, path: Path, name: str, variables: Mapping[str, str]
) -> Credentials | None:
    from xml.etree.ElementTree import Element

    assert isinstance(server, Element)
    source = f"{path}: server {name}"
    headers = {}
    for each in server.findall("{*}configuration/{*}httpHeaders/{*}property"):
        key, value = (
            _value(each.findtext(f"{{*}}{part}"), variables) for part in ("name", "value")
        )
        if key and value:
            headers[key.lower()] = value
    if headers:
        return Credentials(headers, source)
    user, password = (
        _value(server.findtext(f"{{*}}{part}"), variables) for part in ("username", "password")
    )
    if not user or not password:
        return None
    if re.fullmatch(r".*\{[A-Za-z0-9+/=]{20,}\}.*", password, re.DOTALL):
        raise UsageFault(
            f"the password of server {name} is encrypted, and only Maven can read it",
            where=str(path),
            hint=f"set {variable(name, 'USER')} and {variable(name, 'PASSWORD')}, "
            "or write ${env.…} into the settings",
        )
    return Credentials({"authorization": _basic(user, password)}, source)


def _of_netrc(path: Path, host: str) -> Credentials | None:
    if not path.is_file():
        return None
    try:
        found = netrc.netrc(str(path)).authenticators(host)
    except (netrc.NetrcParseError, OSError, UnicodeDecodeError):
        # The fault's own text could quote the line, and with it a password.
        raise UsageFault("this is no netrc file", where=str(path)) from None
    if found is None or not found[2]:
        return None
    return Credentials({"authorization": _basic(found[0], found[2])}, f"{path}: {host}")


def _value(text: str | None, variables: Mapping[str, str]) -> str:
    """What Maven makes of `${env.NAME}`."""
    return re.sub(
        r"\$\{env\.(\w+)\}", lambda found: variables.get(found[1], found[0]), (text or "").strip()
    )


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
