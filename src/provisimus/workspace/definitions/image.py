"""docker/<image>/manifest.yaml: the build manifest."""

from __future__ import annotations

from dataclasses import field, replace
from typing import Annotated, Any, Literal

from provisimus.workspace.definitions.common import (
    Definition,
    ImageReference,
    Name,
    Port,
    Seconds,
    Version,
)
from provisimus.workspace.definitions.rules import after, before, limits


class DebianSource(Definition):
    """A file system made from Debian packages; needs no registry to start from."""

    suite: str = "bookworm"
    packages: Annotated[tuple[str, ...], limits(min_length=1)]


MAVEN = r"^[^:\s]+:[^:\s]+(:[^:\s]+(:[^:\s]+)?)?$"


class Source(Definition):
    """What the image is made around: exactly one of these, or nothing but its context files."""

    maven: Annotated[str, limits(pattern=MAVEN)] | None = None
    """`group:artifact[:packaging[:classifier]]`; the version is the one being built."""
    version: Version | None = None
    """Of the coordinates, where it is another than the one being built."""
    follow: Annotated[str, limits(min_length=1)] | None = None
    """Which newer versions `image outdated` tells of: a range as Maven writes it, `[5.17,5.18)`.
    Nothing is built from it."""
    url: str | None = None
    sha256: Annotated[str, limits(pattern=r"^[0-9a-f]{64}$")] | None = None
    image: ImageReference | None = None
    debian: DebianSource | None = None
    unpack: bool | None = None
    """Whether the image takes what is in the archive (a TAR or ZIP) instead of the file."""
    strip: Annotated[int, limits(ge=0, le=16)] | None = None
    """How many leading folders of each path are left out."""
    include: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    """Patterns as in .dockerignore, on the stripped paths."""

    def __post_init__(self) -> None:
        options = [key for key in ("strip", "include", "exclude") if getattr(self, key) is not None]
        if options and not self.unpack:
            raise ValueError(f"{options[0]} is about what is in the archive — add unpack: true")
        if self.unpack and not (self.maven or self.url):
            raise ValueError("unpack is for a file: with maven or url")
        if self.version and not self.maven:
            raise ValueError("version belongs to maven coordinates")
        if self.follow and not self.maven:
            raise ValueError("follow belongs to maven coordinates")
        given = [key for key in ("maven", "url", "image", "debian") if getattr(self, key)]
        if len(given) != 1:
            raise ValueError("say exactly one of maven, url, image, debian")
        if bool(self.url) != bool(self.sha256):
            raise ValueError("url and sha256 go together — the checksum of the vendor's file")


class HttpTest(Definition):
    port: Port
    path: str = "/"
    status: int = 200


class FileTest(Definition):
    """A file or folder that must be there."""

    path: Annotated[str, limits(pattern=r"^/.+")]
    mode: Annotated[str, limits(pattern=r"^0?[0-7]{3,4}$")] | None = None
    """Its permissions in octal digits, as `chmod` takes them."""
    contains: str | None = None
    """Text that stands in it."""


class Test(Definition):
    """One question that a container of the image must answer before the image gets its tag."""

    __test__ = False

    run: tuple[str, ...] | None = None
    http: HttpTest | None = None
    file: FileTest | None = None
    within: Seconds = 60

    def __post_init__(self) -> None:
        if [self.run, self.http, self.file].count(None) != 2:
            raise ValueError("say exactly one of run, http, file")


def _is_file(source: Source) -> Source:
    if not (source.maven or source.url):
        raise ValueError("an artifact is a file — say maven or url")
    return source


ArtifactName = Annotated[str, limits(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
"""How a template says it: `artifacts.agent`."""


def _one_for_all(_: Any) -> Any:
    raise ValueError(
        "an image has no environments: one image, tested once, goes through all of them — give "
        "what differs to its container, under environments: in the stack's file"
    )


class SecretSource(Definition):
    """Where a build secret comes from on the machine that builds."""

    env: Annotated[str, limits(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    file: Annotated[str, limits(pattern=r'^[^,"\r\n]+$')] | None = None
    """Absolute, under the home folder (`~/…`), or beside provisimus.yaml."""

    def __post_init__(self) -> None:
        if bool(self.env) == bool(self.file):
            raise ValueError("say exactly one of env, file")


SecretId = Annotated[str, limits(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$")]

TEMPLATE = "Dockerfile.j2"

TemplateName = Annotated[str, limits(pattern=r"^Dockerfile[A-Za-z0-9._-]*\.j2$")]
"""A file in the image's folder; what is called so is no part of the context."""

Files = dict[ArtifactName, Annotated[Source, after(_is_file)]]


class Variant(Definition):
    """What one more image from the same folder has otherwise. Version and source are the same."""

    dockerfile: TemplateName | None = None
    artifacts: Files = field(default_factory=dict)
    vars: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    """These three are added to the manifest's, or replace what has the same name there."""
    tests: tuple[Test, ...] | None = None
    """Instead of the manifest's."""
    layers: Literal["fat", "auto"] | None = None


class ImageManifest(Definition):
    source: Source | None = None
    artifacts: Files = field(default_factory=dict)
    """More files that the image is made from, by the name that the template calls them."""
    version: Version | None = None
    """The version of a base or a side cart; the main image of a service gets the one asked for."""
    dockerfile: TemplateName | None = None
    """The template; `TEMPLATE` where it says nothing."""
    vars: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    tests: tuple[Test, ...] = ()
    layers: Literal["fat", "auto"] = "fat"
    """`auto` makes a fat JAR or an unpacked archive several layers: a small change is then a small
    push."""
    secrets: dict[SecretId, SecretSource] = field(default_factory=dict)
    """What `RUN --mount=type=secret,id=…` may see while it runs."""
    variants: dict[Name, Variant] = field(default_factory=dict)
    """More images from this folder, each called `<folder>-<variant>`."""
    environments: Annotated[None, before(_one_for_all)] = None
    """Refused, with the reason: `vars` and `tests` are the same everywhere."""

    @property
    def sources(self) -> tuple[Source, ...]:
        """Its own source first, then the artifacts by name, those of its variants last."""
        named = [self.artifacts, *(each.artifacts for _, each in sorted(self.variants.items()))]
        files = [each for group in named for _, each in sorted(group.items())]
        return tuple(dict.fromkeys([*([self.source] if self.source else []), *files]))

    def as_variant(self, name: str) -> ImageManifest:
        """The manifest of one variant. Raises KeyError."""
        variant = self.variants[name]
        return replace(
            self,
            artifacts={**self.artifacts, **variant.artifacts},
            vars={**self.vars, **variant.vars},
            labels={**self.labels, **variant.labels},
            dockerfile=self.dockerfile if variant.dockerfile is None else variant.dockerfile,
            tests=self.tests if variant.tests is None else variant.tests,
            layers=self.layers if variant.layers is None else variant.layers,
            variants={},
        )
