"""One look at a group: what it is now, what was seen, and what has to happen. Pure.

`Turn` is made, worked on by each part in order, and read; it lives no longer than that.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from provisimus.localcloud.scaling import words
from provisimus.localcloud.scaling.group import Activity, Group, Hook, Member, Subnet, Version, Wait


@dataclass(frozen=True)
class Seen:
    """What is seen of an instance; ``targets`` are its states in the group's target groups."""

    state: str
    impaired: bool = False
    targets: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """What is seen of all that the group depends on."""

    now: float
    version: Version
    """What is launched: what the group's launch template setting means at the moment, or that of
    the refresh that runs."""
    instances: Mapping[str, Seen] = field(default_factory=dict)
    alarms: Mapping[str, str] = field(default_factory=dict)
    """States of the alarms that a refresh heeds, by name."""
    pace: float = 1.0
    """How much of a second of AWS's own patience is waited; less in tests."""


@dataclass(frozen=True)
class Launch:
    """Launch one instance into a subnet."""

    subnet: Subnet
    cause: str
    spare: bool = False


@dataclass(frozen=True)
class End:
    """Terminate an instance."""

    instance: str


@dataclass(frozen=True)
class Register:
    instance: str


@dataclass(frozen=True)
class Deregister:
    instance: str


@dataclass(frozen=True)
class Notify:
    """Tell a hook's target that an instance waits."""

    instance: str
    hook: Hook
    wait: Wait


Step = Launch | End | Register | Deregister | Notify


class Turn:
    def __init__(self, group: Group, world: World) -> None:
        self.group = group
        self.world = world
        self.now = world.now
        self.steps: list[Step] = []

    def seen(self, member: Member) -> Seen:
        """An instance that nothing is seen of is gone."""
        return self.world.instances.get(member.id, Seen("terminated"))

    def take_out(self, member: Member, cause: str) -> None:
        """Begin to terminate an instance."""
        if member.going:
            return
        activity = Activity(
            str(uuid.uuid4()), words.terminating(member.id), cause, self.now, zone=member.zone
        )
        if member.coming:
            self.group = self.group.amend(
                member.activity, status="Cancelled", ended=self.now, progress=100
            )
        gone = replace(
            member, state="Terminating", waits=(), activity=activity.id, spare=False,
            unregistered=0.0,
        )  # fmt: skip
        self.group = self.group.put(gone).tell(activity)
        self.steps.append(Deregister(member.id))


def launched(
    group: Group, step: Launch, instance: str, version: Version, kind: str, now: float
) -> Group:
    """The group when RunInstances has given an instance."""
    activity = Activity(
        str(uuid.uuid4()), words.launching(instance), step.cause, now, progress=30,
        zone=step.subnet.zone, subnet=step.subnet.id,
    )  # fmt: skip
    member = Member(
        instance, step.subnet.zone, kind, version,
        protected=bool(group.settings.get("NewInstancesProtectedFromScaleIn")),
        launched=now, activity=activity.id, spare=step.spare,
    )  # fmt: skip
    shortages = {zone: s for zone, s in group.shortages.items() if zone != step.subnet.zone}
    grown = replace(group, shortages=shortages).put(member).tell(activity)
    refresh = group.refresh
    if refresh is not None:
        grown = grown.note(replace(refresh, fresh=(*refresh.fresh, instance)))
    return grown
