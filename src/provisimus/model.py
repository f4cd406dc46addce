"""The frozen values that stages hand to each other. They are read and written, no more."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from provisimus.errors import UsageFault

UNKNOWN = "unknown"
"""Shown for what is not known. Nothing is guessed."""


@dataclass(frozen=True, order=True)
class Digest:
    """A content digest (OCI image specification, "Digests"): `sha256:` and 64 hex digits."""

    hex: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.hex):
            raise ValueError(f"not a SHA-256 in lower-case hex: {self.hex!r}")

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Read `sha256:<hex>`. Raises ValueError for anything else."""
        algorithm, separator, value = text.partition(":")
        if not separator or algorithm != "sha256":
            raise ValueError(f"not a sha256 digest: {text!r}")
        return cls(value)

    @classmethod
    def of(cls, data: bytes) -> Digest:
        return cls(hashlib.sha256(data).hexdigest())

    @property
    def short(self) -> str:
        """The first 12 digits, as the field's tools show them."""
        return self.hex[:12]

    def __str__(self) -> str:
        return f"sha256:{self.hex}"


def fingerprint(inputs: Mapping[str, Any]) -> Digest:
    """The digest of everything that an output is made from: canonical JSON, keys sorted."""
    text = json.dumps(inputs, sort_keys=True, separators=(",", ":"), default=str)
    return Digest.of(text.encode())


@dataclass(frozen=True, order=True)
class ServiceVersion:
    """`SERVICE[@VERSION]` as commands take it; without a version, None."""

    name: str
    version: str | None = None

    @classmethod
    def parse(cls, text: str) -> ServiceVersion:
        """Raises UsageFault for an empty or unusual name or version."""
        name, separator, version = text.partition("@")
        fine = re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name) and (
            not separator or re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}", version)
        )
        if not fine:
            raise UsageFault(f"{text!r} is no NAME[@VERSION]", hint="for example greeter@1.0.0")
        return cls(name, version or None)

    def __str__(self) -> str:
        return f"{self.name}@{self.version}" if self.version else self.name


@dataclass(frozen=True, order=True)
class Coordinates:
    """Maven coordinates, `group:artifact[:packaging[:classifier]][:version]`.

    Manifests leave the version out: it is the one being built.
    """

    group: str
    artifact: str
    packaging: str = "jar"
    classifier: str = ""
    version: str = ""

    def __str__(self) -> str:
        parts = [self.group, self.artifact, self.packaging, self.classifier, self.version]
        return ":".join(part for part in parts if part)


@dataclass(frozen=True, order=True)
class VendorFile:
    """A file at a vendor's address, without coordinates; `version` is that of its image."""

    url: str
    version: str = ""

    @property
    def file(self) -> str:
        """The last part of the address, which is the file's name."""
        path = self.url.partition("?")[0].partition("#")[0]
        return re.sub(r"[^A-Za-z0-9._+-]", "-", path.rpartition("/")[2]).lstrip(".-") or "file"

    def __str__(self) -> str:
        # A query may hold a signature.
        return self.url.partition("?")[0]


@dataclass(frozen=True)
class Artifact:
    """A file in a binary repository, or a vendor's. `size` in bytes; `commit` None when unknown."""

    coordinates: Coordinates | VendorFile
    repository: str
    location: str
    sha256: Digest
    size: int
    commit: str | None = None


@dataclass(frozen=True)
class ContainerImage:
    """An image in a registry, by digest. `repository` is `host:port/name`, without tag."""

    name: str
    version: str
    repository: str
    digest: Digest
    fingerprint: Digest | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[int, ...] = ()

    @property
    def reference(self) -> str:
        """`host:port/name@sha256:…`, which always means the same bytes."""
        return f"{self.repository}@{self.digest}"


@dataclass(frozen=True)
class MachineImage:
    """An AMI. `created` is ISO 8601 in UTC, as EC2 gives it."""

    machine: str
    version: str
    image_id: str
    name: str
    fingerprint: Digest | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    created: str = ""


@dataclass(frozen=True)
class Stack:
    """A CloudFormation stack as it stands."""

    name: str
    stack_id: str
    status: str
    tags: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    reason: str | None = None
    updated: str = ""
    """When it was last updated, else made: ISO 8601 in UTC."""
    protected: bool = False
    """Whether it cannot be deleted until that is taken back (termination protection)."""


Stage = Literal["artifact", "image", "machine", "stack"]


@dataclass(frozen=True)
class Step:
    """One thing to do, or not (`needed` False), with the reason in words."""

    stage: Stage
    subject: str
    action: str
    reason: str
    needed: bool = True


@dataclass(frozen=True)
class Plan:
    """What a release would do, and what it is based on.

    `live` is the observed state (stack id, status, fingerprint) that must still hold when the plan
    is applied; `fingerprints` name the wanted outputs.
    """

    service: str
    version: str
    environment: str
    steps: tuple[Step, ...]
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    live: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        return any(step.needed for step in self.steps)


@dataclass(frozen=True)
class Commits:
    """The commit of each definition repository, by its name (`services`, `docker`, `packer`).

    A value ends in `-dirty` when the work tree holds changes; `unknown` outside Git.
    """

    by_repository: Mapping[str, str]

    def as_tags(self, prefix: str = "provisimus:commit/") -> dict[str, str]:
        return {prefix + name: commit for name, commit in sorted(self.by_repository.items())}
