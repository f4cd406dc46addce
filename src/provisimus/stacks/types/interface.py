"""What a stack type's file must say and do.

A stack type is one file with a module constant `TYPE`. Metadata first, `build` below. `build` is
pure: definitions and resolved values in, a CloudFormation template as a plain dictionary out. It
asks no cloud and reads no file. A company's own type is made of what stands here, too.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from provisimus.workspace.definitions.machine import Health
from provisimus.workspace.definitions.outputs import output_of
from provisimus.workspace.definitions.stack import StackDefinition

if TYPE_CHECKING:
    from provisimus.stacks.resource_change import ResourceChange

Template = Mapping[str, Any]
Definition = TypeVar("Definition", bound=StackDefinition)

IMAGE_ID = "ImageId"
ROOT_DEVICE = "RootDevice"
FROM_THE_IMAGE = (IMAGE_ID, ROOT_DEVICE)
"""Parameters that are read from the machine image, so they are not known before it is baked."""


@dataclass(frozen=True)
class Network:
    """Where a stack lives, resolved. `public` is whether its subnet gives public addresses.

    A type over several zones has `subnets` in place of `subnet`, and `front` for what faces
    the world.
    """

    vpc: str
    subnet: str = ""
    zone: str = ""
    public: bool = False
    subnets: tuple[str, ...] = ()
    front: tuple[str, ...] = ()
    wires: Mapping[str, Any] = field(default_factory=dict)
    """The template's parameters that another stack gives: what stands in their place."""


NOWHERE = Network("")
"""The network of a stack that needs none."""


@dataclass(frozen=True)
class OtherStack:
    """A stack of the workspace that another one takes outputs of: its name in CloudFormation."""

    name: str
    definition: StackDefinition

    def output(self, output: str) -> dict[str, Any]:
        """The output's value, which CloudFormation looks up with each change of the stack that
        uses it. Unlike an export it locks nothing ("Fn::GetStackOutput")."""
        return {"Fn::GetStackOutput": {"StackName": self.name, "OutputName": output}}


@dataclass(frozen=True)
class Forbidden:
    """What cannot be done to a stack that stands, and what to do instead."""

    what: str
    instead: str


@dataclass(frozen=True)
class WantedStack(Generic[Definition]):
    """All that a stack type builds from. A stack without a machine has no version and no health."""

    service: str
    version: str
    definition: Definition
    network: Network = NOWHERE
    health: Health | None = None
    machine: str = "unknown"
    """The fingerprint of the machine image, which is known before there is an AMI."""
    ours: Mapping[str, str] = field(default_factory=dict)
    """The tags that say whose stack it is."""
    others: Mapping[str, OtherStack] = field(default_factory=dict)
    """The stacks of the workspace that the definition names, by their names there."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The texts of the files that the definition names."""


class StackType(ABC, Generic[Definition]):
    """One type. `example` is a whole `stacks/<name>.yaml` of it, annotated; `definition` the class
    that reads one."""

    name: ClassVar[str]
    summary: ClassVar[str]
    example: ClassVar[str]
    definition: ClassVar[type[StackDefinition]]
    files: ClassVar[Mapping[str, str]] = {}
    """What the example needs beside itself, by path below the folder of stacks."""

    @abstractmethod
    def build(self, wanted: WantedStack[Definition]) -> dict[str, Any]:
        """The template. The same input gives the same template, key for key."""

    def template(self, wanted: WantedStack[Definition]) -> dict[str, Any]:
        """What `build` gives, with the outputs of other stacks where the definition names them."""
        from provisimus.stacks.wiring import wired, with_outputs

        wires = {
            name: wanted.others[found[0]].output(found[1])
            for name, value in self.parameters(wanted).items()
            if (found := output_of(value))
        }
        outputs = {name: each.output for name, each in wanted.others.items()}
        return with_outputs(wired(self.build(wanted), wires), outputs)

    def given(self, wanted: WantedStack[Definition]) -> dict[str, str]:
        """The parameters whose values are known here, and not by another stack."""
        return {k: each for k, each in self.parameters(wanted).items() if not output_of(each)}

    def parameters(self, wanted: WantedStack[Definition]) -> dict[str, str]:
        """The template's parameters, without those that are read from the machine image."""
        del wanted
        return {}

    def effect(self, change: ResourceChange, template: Template) -> str | None:
        """What a change of one of its resources means for those who use it, in words; None where
        what holds for any stack says it as well. `template` is the wanted one."""
        del change, template
        return None

    def forbidden(self, running: Template, wanted: Template) -> Forbidden | None:
        """A change between two templates of it that CloudFormation cannot do; None for none."""
        del running, wanted
        return None
