"""docker/<image>/manifest.yaml: the build manifest."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from provisimus.workspace.definitions.common import (
    Definition,
    ImageReference,
    Port,
    Seconds,
    Version,
)


class DebianSource(Definition):
    """A file system made from Debian packages; needs no registry to start from."""

    suite: str = "bookworm"
    packages: tuple[str, ...] = Field(min_length=1)


class Source(Definition):
    """What the image is made around: exactly one of these, or nothing but its context files."""

    maven: str | None = Field(default=None, pattern=r"^[^:\s]+:[^:\s]+(:[^:\s]+(:[^:\s]+)?)?$")
    """`group:artifact[:packaging[:classifier]]`; the version is the one being built."""
    url: str | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    image: ImageReference | None = None
    debian: DebianSource | None = None

    @model_validator(mode="after")
    def _one(self) -> Source:
        given = [key for key in ("maven", "url", "image", "debian") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError("say exactly one of maven, url, image, debian")
        if bool(self.url) != bool(self.sha256):
            raise ValueError("url and sha256 go together — the checksum of the vendor's file")
        return self


class HttpTest(Definition):
    port: Port
    path: str = "/"
    status: int = 200


class Test(Definition):
    """One question that a container of the image must answer before the image gets its tag."""

    __test__ = False

    run: tuple[str, ...] | None = None
    http: HttpTest | None = None
    within: Seconds = 60

    @model_validator(mode="after")
    def _one(self) -> Test:
        if (self.run is None) == (self.http is None):
            raise ValueError("say either run or http")
        return self


class ImageManifest(Definition):
    source: Source | None = None
    version: Version | None = None
    """The version of a base or a side cart; the main image of a service gets the one asked for."""
    vars: dict[str, Any] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    tests: tuple[Test, ...] = ()
