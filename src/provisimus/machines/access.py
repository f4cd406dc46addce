"""The seam to container registries: what is asked of them before a bake, and who may pull.

Stages do not know each other: the chain hands in something with these two methods, which it makes
of the images' registry client.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class ImageFacts:
    """An image that is in its registry: bytes of its layers as they are stored, by platform
    (`linux/amd64`); 0 for platforms that EC2 has not. Empty when the image tells none."""

    stored: Mapping[str, int]


@dataclass(frozen=True)
class Login:
    """How a registry lets us in: `key` is how Docker's configuration names it. User and password,
    or an identity token."""

    key: str
    user: str
    secret: str = field(repr=False)
    identity: str = field(default="", repr=False)


class Registries(Protocol):
    """`reference` is `host[:port]/name@sha256:…`."""

    def look(self, reference: str) -> ImageFacts | None:
        """None when it is not there. Raises Unreachable, and ProvisimusError when refused."""

    def login(self, reference: str) -> Login | None:
        """None for a registry that nothing is known of: it lets everybody pull."""
