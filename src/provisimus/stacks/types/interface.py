"""What a stack type's file must say and do.

A stack type is one file with a module constant `TYPE`. Metadata first, `build` below. `build` is
pure: definitions and resolved values in, a CloudFormation template as a plain dictionary out. It
asks no cloud and reads no file.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from provisimus.workspace.definitions.machine import Health
from provisimus.workspace.definitions.stack import StackDefinition

Template = Mapping[str, Any]

IMAGE_ID = "ImageId"
ROOT_DEVICE = "RootDevice"
FROM_THE_IMAGE = (IMAGE_ID, ROOT_DEVICE)
"""Parameters that are read from the machine image, so they are not known before it is baked."""


@dataclass(frozen=True)
class Network:
    """Where a stack lives, resolved. `public` is whether its subnet gives public addresses."""

    vpc: str
    subnet: str
    zone: str
    public: bool


@dataclass(frozen=True)
class WantedStack:
    """All that a stack type builds from."""

    service: str
    version: str
    definition: StackDefinition
    network: Network
    health: Health | None
    machine: str = "unknown"
    """The fingerprint of the machine image, which is known before there is an AMI."""
    ours: Mapping[str, str] = field(default_factory=dict)
    """The tags that say whose stack it is."""


class StackType(ABC):
    """One type. `example` is a whole `stacks/<service>.yaml` of it, annotated."""

    name: ClassVar[str]
    summary: ClassVar[str]
    example: ClassVar[str]

    @abstractmethod
    def build(self, wanted: WantedStack) -> dict[str, Any]:
        """The template. The same input gives the same template, key for key."""

    @abstractmethod
    def parameters(self, wanted: WantedStack) -> dict[str, str]:
        """The template's parameters, without those that are read from the machine image."""
