"""References to images: `host[:port]/repository[:tag][@sha256:…]`. Pure.

Source: the grammar in distribution's `reference` package, as Docker reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from provisimus.errors import UsageFault
from provisimus.model import Digest

DOCKER_HUB = "registry-1.docker.io"


@dataclass(frozen=True)
class Reference:
    """`host` is host:port; `repository` the path in it; a missing tag and digest mean `latest`."""

    host: str
    repository: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """`host/repository`, as the engine calls it."""
        return f"{self.host}/{self.repository}"

    @property
    def selector(self) -> str:
        """What to ask the registry for: the digest, else the tag."""
        return str(self.digest) if self.digest else self.tag or "latest"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.name}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Raises UsageFault for what is no reference."""
    name, _, digest = text.partition("@")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        host, path = first, rest
    else:
        host, path = DOCKER_HUB, name if slash else f"library/{name}"
    repository, _, tag = path.partition(":")
    try:
        parsed = Digest.parse(digest) if digest else None
    except ValueError:
        repository = ""
        parsed = None
    component = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
    if not re.fullmatch(rf"{component}(?:/{component})*", repository) or (
        tag and not re.fullmatch(r"\w[\w.-]{0,127}", tag)
    ):
        raise UsageFault(f"{text!r} is no image reference", hint="write host:port/name@sha256:…")
    return Reference(host, repository, tag or None, parsed)


def split_registry(url: str) -> tuple[str, str]:
    """A registry's `host:port[/path]` as host and the path that goes before every name.

    Raises UsageFault for an address with credentials in it: it stands in labels and logs.
    """
    bare = re.sub(r"^https?://", "", url).strip("/")
    host, _, path = bare.partition("/")
    if "@" in host:
        raise UsageFault(
            f"the address of the registry {host.rpartition('@')[2]} holds credentials",
            hint="take them out of `registry: url:`, and log in: docker login "
            + host.rpartition("@")[2],
        )
    return host, f"{path}/" if path else ""


def base_url(url: str) -> str:
    """Plain HTTP for loopback, HTTPS for all others, as Docker has it; a given scheme stands."""
    host, _ = split_registry(url)
    if url.startswith(("http://", "https://")):
        return f"{url.partition('://')[0]}://{host}"
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` is this machine by its very name."""
    name = re.sub(r":\d+$", "", host)
    return name in ("localhost", "[::1]") or re.fullmatch(r"127(\.\d{1,3}){3}", name) is not None


def as_tag(version: str) -> str:
    """A version as a tag, in which `+` cannot stand."""
    return version.replace("+", "_")
