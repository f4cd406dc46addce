"""What a resource type's file must say and do.

A handler is one file in this folder with a module constant `HANDLER`. Metadata first: the type,
the properties that are honoured (every other is refused by name before anything is made), the
attributes that Fn::GetAtt may ask for. Behaviour below: create, settle, read, update, delete.
Nothing lists the handlers; `all_handlers` finds them.

A handler keeps no state. Every method may be called again after a restart with the same
arguments, so each looks before it acts.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from provisimus.localcloud.cloudformation.cloud import Cloud
from provisimus.localcloud.cloudformation.errors import ResourceFailed
from provisimus.localcloud.cloudformation.signals import Signal


@dataclass(frozen=True)
class Shape:
    """A resource as it is or shall be: evaluated properties, and all tags merged."""

    properties: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    """Own tags, the stack's and CloudFormation's own; own ones win."""

    def tag_list(self) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self.tags.items()]


@dataclass(frozen=True)
class Wanted(Shape):
    """A shape to be made, with the names it may use."""

    logical_id: str = ""
    generated_name: str = ""
    """STACK-LOGICALID-RANDOM, for a resource that must have a name and was given none."""
    instead_of: str | None = None
    """The physical id of what it takes the place of, which is still there."""

    def name(self, prop: str) -> str:
        return str(self.properties.get(prop) or self.generated_name)


@dataclass(frozen=True)
class Attachment:
    """What a resource adds to a list of another one: a rule to a group, a policy to a role."""

    to: str
    """The other's physical id."""
    property: str
    """The list, as the other's own template would have it."""
    item: Any
    """The item, or what of an object tells that it is the one."""


class Progress(Protocol):
    """What an update that takes its time may tell and hear."""

    def say(self, text: str) -> None:
        """Tell an event of the resource: it is still being updated."""

    def signals(self) -> tuple[Signal, ...]:
        """The signals that came for it since the update began."""


class Handler(ABC):
    """One resource type."""

    type: ClassVar[str]
    honoured: ClassVar[frozenset[str]]
    """Property paths, `*` for any list index and `**` for anything below."""
    attributes: ClassVar[frozenset[str]]
    seconds: ClassVar[float] = 120
    """How long the resource may take to settle or to be gone."""
    name_property: ClassVar[str | None] = None
    """The property that gives the resource a name of the user's choice."""
    capability: ClassVar[str | None] = None
    """`IAM` where creating one must be acknowledged by the caller."""
    snapshots: ClassVar[bool] = False
    """Whether the policies DeletionPolicy and UpdateReplacePolicy may be Snapshot."""

    signals: ClassVar[bool] = False
    """Whether a CreationPolicy may have it wait for signals."""
    update_policies: ClassVar[frozenset[str]] = frozenset()
    """Paths of an UpdatePolicy that are honoured."""
    recorded: ClassVar[Mapping[str, str]] = {}
    """What is kept and told back but has no effect here: by property (`*` for the whole type), a
    sentence that says so."""

    untold: ClassVar[Mapping[str, str]] = {}
    """What its service does not tell back, so that it is not compared: by property, why not."""

    networked: ClassVar[bool] = False
    """Whether it is only recorded where networks cannot be made."""

    def told(self, cloud: Cloud, properties: Mapping[str, Any]) -> str | None:
        """What of it is only recorded, in words for its event; None where all of it is real."""
        told = [text for name, text in self.recorded.items() if name == "*" or properties.get(name)]
        why = cloud.no_networks() if self.networked else None
        if why:
            told.append(f"networks cannot be made on this computer ({why})")
        return f"Recorded, not simulated: {'; '.join(told)}." if told else None

    @abstractmethod
    def create(self, cloud: Cloud, wanted: Wanted) -> str:
        """Begin to make it; returns its physical id as soon as there is one."""

    def find(self, cloud: Cloud, wanted: Wanted) -> list[str]:
        """Ids of living resources with the wanted CloudFormation tags, where the type has them."""
        return []

    def settled(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        """Whether it has become what was asked for; raises ResourceFailed when it never will."""
        return True

    @abstractmethod
    def read(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> dict[str, Any]:
        """Its attributes, read back from the service."""

    def live(
        self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """Its properties as they are now, in the words of a template; None when it is gone.

        `properties` are those of the template. Every honoured property is told but those that
        `untold` names: what is left out or None, the resource does not have. Types without this
        method are not checked for drift.
        """
        raise NotImplementedError(self.type)

    def attachments(self, physical_id: str, properties: Mapping[str, Any]) -> Iterable[Attachment]:
        """What it adds to other resources, which is then no drift of theirs."""
        return ()

    @property
    def tells_live(self) -> bool:
        """Whether it can be checked for drift."""
        return type(self).live is not Handler.live

    def must_replace(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
        """For properties whose change replaces only under conditions: whether it does here."""
        return False

    def refusal(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> str | None:
        """Why this change can be made neither in place nor by replacing, if it cannot."""
        return None

    def update(self, cloud: Cloud, physical_id: str, before: Shape, after: Wanted) -> None:
        """Change in place and return when it is done; never called for a replacement."""
        raise ResourceFailed(f"Update to resource type {self.type} is not supported.")

    def policy_complaint(self, policy: Mapping[str, Any]) -> str | None:
        """Why an UpdatePolicy of honoured paths cannot be, if it cannot."""
        return None

    def replaced_by(self, policy: Mapping[str, Any], changed: Collection[str]) -> bool:
        """Whether an UpdatePolicy has the change of these properties replace the resource."""
        return False

    def update_by(
        self,
        cloud: Cloud,
        physical_id: str,
        before: Shape,
        after: Wanted,
        policy: Mapping[str, Any],
        progress: Progress,
    ) -> None:
        """Change in place as an UpdatePolicy says, for types that have some."""
        self.update(cloud, physical_id, before, after)

    @abstractmethod
    def delete(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> None:
        """Begin to remove it; one that is gone already is no failure."""

    def gone(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        """Whether nothing is left of it."""
        return True

    def displaced(self, cloud: Cloud, physical_id: str, properties: Mapping[str, Any]) -> bool:
        """Whether making its replacement ended it, so that the way back must make it anew."""
        return False

    def snapshot(self, cloud: Cloud, physical_id: str, shape: Shape) -> str:
        """Keep its data before it is deleted; returns the snapshot's id."""
        raise NotImplementedError(self.type)


def changed(before: Mapping[str, Any], after: Mapping[str, Any], *names: str) -> bool:
    """Whether any of these properties differs."""
    return any(before.get(name) != after.get(name) for name in names)


def only(properties: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """These properties, where given: they go to the API under the same names."""
    return {name: properties[name] for name in names if name in properties}
