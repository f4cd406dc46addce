"""What several definitions share: names, sizes, spans of time, the strict base."""

from __future__ import annotations

import os
import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)

# Pydantic would search all installed packages for plugins of its own before the first validation:
# 10 ms, and more the more is installed. Nobody else's code has a say in what a definition means.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


class Definition(BaseModel):
    """Strict and frozen: what a file leaves out is a default, what it says too much an error."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        # A command reads one or two kinds of file: the validators of the others are never built.
        defer_build=True,
    )


def _name(value: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,61}[a-z0-9])?", value):
        raise ValueError(
            f"{value!r} is no name — use lower-case letters, digits, dots and dashes, 63 at most"
        )
    return value


Name = Annotated[str, AfterValidator(_name)]
Port = Annotated[int, Field(ge=1, le=65535)]


def _version(value: Any) -> Any:
    # `version: 1.10` is a float in YAML and would quietly become 1.1.
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        message = f'a version is text — write it in quotes: version: "{value}"'
        raise ValueError(message)  # noqa: TRY004 pydantic wants a ValueError
    return value


Version = Annotated[
    str, BeforeValidator(_version), Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}$")
]

_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _seconds(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*([smhd])", str(value))
    if not found:
        raise ValueError(f"{value!r} is no span of time — write 30s, 5m, 24h or 7d")
    return int(found[1]) * _SPANS[found[2]]


Seconds = Annotated[int, BeforeValidator(_seconds)]
"""A span of time, written `30s`, `5m`, `24h`, `7d`; in seconds."""

_SIZES = {"MiB": 1 / 1024, "GiB": 1, "TiB": 1024}


def _gibibytes(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*(MiB|GiB|TiB)", str(value))
    if not found:
        raise ValueError(f"{value!r} is no size — write 20 GiB")
    size = int(found[1]) * _SIZES[found[2]]
    if size < 1 or size != int(size):
        raise ValueError(f"{value!r} is no whole number of GiB — EBS volumes are whole GiB")
    return int(size)


Gibibytes = Annotated[int, BeforeValidator(_gibibytes)]
"""A size of storage, written `20 GiB`; in GiB."""


def _mebibytes(value: Any) -> int:
    found = re.fullmatch(r"(\d+)\s*(MiB|GiB)", str(value))
    if not found or not int(found[1]):
        raise ValueError(f"{value!r} is no amount of memory — write 512 MiB or 2 GiB")
    return int(found[1]) * (1024 if found[2] == "GiB" else 1)


Mebibytes = Annotated[int, BeforeValidator(_mebibytes)]
"""An amount of memory, written `512 MiB` or `2 GiB`; in MiB."""


def _absolute(value: str) -> str:
    if not value.startswith("/") or ".." in value.split("/"):
        raise ValueError(f"{value!r} is no absolute path")
    return value


AbsolutePath = Annotated[str, AfterValidator(_absolute)]


def _by_digest(value: str) -> str:
    if not re.fullmatch(r"[^@\s]+@sha256:[0-9a-f]{64}", value):
        raise ValueError(
            f"{value!r} does not name an image by its digest — write name@sha256:<64 hex digits>"
        )
    return value


ImageReference = Annotated[str, AfterValidator(_by_digest)]


class VendorImage(Definition):
    """An image straight from a vendor's registry, by digest."""

    image: ImageReference
    name: Name | None = None

    @property
    def service(self) -> str:
        """Its name in the Compose file: given, or the last part of the repository."""
        return self.name or self.image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _use(value: Any) -> str:
    return "vendor" if isinstance(value, (dict, VendorImage)) else "workspace"


ImageUse = Annotated[
    Annotated[Name, Tag("workspace")] | Annotated[VendorImage, Tag("vendor")], Discriminator(_use)
]
"""An image of the workspace by its name, or a vendor's by digest."""
