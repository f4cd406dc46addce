"""What a Compose file is to the rest of the bake: its text, and how its containers are started."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ServiceImage:
    """One container's image: `reference` is `host:port/name@sha256:…`, `ports` are EXPOSEd ones,
    which are not known of an image that comes straight from a vendor."""

    service: str
    reference: str
    ports: tuple[int, ...] = ()
    from_vendor: bool = False


@dataclass(frozen=True)
class Start:
    """One container to start, once those in `healthy` have become healthy."""

    service: str
    healthy: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComposeFile:
    """The file's text, and the services in the order in which to start them.

    `start` is None when the file has an order of its own that only Compose understands.
    """

    text: str
    start: tuple[Start, ...] | None
    warnings: tuple[str, ...] = ()
