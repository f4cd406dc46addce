"""What is known of an Auto Scaling group: frozen values, replaced whole.

Settings are kept in the words of the API (CreateAutoScalingGroup), so that they are told as they
were given. Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

LAUNCHING = "autoscaling:EC2_INSTANCE_LAUNCHING"
TERMINATING = "autoscaling:EC2_INSTANCE_TERMINATING"
PROCESSES = (
    "Launch", "Terminate", "AddToLoadBalancer", "AlarmNotification", "AZRebalance", "HealthCheck",
    "InstanceRefresh", "ReplaceUnhealthy", "ScheduledActions",
)  # fmt: skip
COMING = ("Pending", "Pending:Wait", "Pending:Proceed")
GOING = ("Terminating", "Terminating:Wait", "Terminating:Proceed")
MOST_ACTIVITIES = 200


@dataclass(frozen=True)
class Subnet:
    id: str
    zone: str


@dataclass(frozen=True)
class Tag:
    value: str
    propagate: bool = False


@dataclass(frozen=True)
class Version:
    """One version of a launch template."""

    template: str
    name: str
    number: str


@dataclass(frozen=True)
class Hook:
    """A lifecycle hook; the time-out is in seconds."""

    name: str
    transition: str
    timeout: int = 3600
    default: str = "ABANDON"
    target: str = ""
    role: str = ""
    metadata: str = ""


@dataclass(frozen=True)
class Wait:
    """What an instance waits for: somebody's answer to one hook."""

    hook: str
    token: str
    until: float
    latest: float
    """When no heartbeat helps any more."""
    result: str = ""


@dataclass(frozen=True)
class Member:
    """An instance of the group."""

    id: str
    zone: str
    type: str
    version: Version
    state: str = "Pending"
    health: str = "Healthy"
    sick: str = ""
    """Why it is not healthy, as its activity will say."""
    protected: bool = False
    launched: float = 0.0
    in_service: float = 0.0
    """When it came into service; 0 is not yet."""
    waits: tuple[Wait, ...] = ()
    activity: str = ""
    """The id of the activity that it is part of."""
    unregistered: float = 0.0
    """When it could not be put into its target groups, or taken out of them where it is going,
    and that is still to be done."""
    spare: bool = False
    """Launched before the one goes that it replaces: not counted until it is in service."""

    @property
    def coming(self) -> bool:
        return self.state in COMING

    @property
    def going(self) -> bool:
        return self.state in GOING

    @property
    def serves(self) -> bool:
        return self.state == "InService"


@dataclass(frozen=True)
class Activity:
    """What DescribeScalingActivities tells of one launch or termination."""

    id: str
    description: str
    cause: str
    started: float
    status: str = "InProgress"
    message: str = ""
    progress: int = 0
    ended: float = 0.0
    zone: str = ""
    subnet: str = ""


@dataclass(frozen=True)
class Shortage:
    """Launches that failed in one zone, one after the other, and until when none is tried."""

    failures: int
    until: float


@dataclass(frozen=True)
class Policy:
    """A scaling policy in the words of PutScalingPolicy."""

    name: str
    arn: str
    settings: Mapping[str, Any]
    alarms: tuple[str, ...] = ()
    """Names of the alarms that a target tracking policy made."""


@dataclass(frozen=True)
class Refresh:
    """An instance refresh; it has the group's instances be what ``desired`` says, or the group."""

    id: str
    started: float
    status: str = "Pending"
    preferences: Mapping[str, Any] = field(default_factory=dict)
    desired: Mapping[str, Any] | None = None
    """DesiredConfiguration as it was given: the group's own setting when the refresh succeeded."""
    reason: str = ""
    ended: float = 0.0
    total: int = 0
    """How many instances it has to replace."""
    left: int = 0
    fresh: tuple[str, ...] = ()
    """Instances that it had launched, or that needed no replacing."""
    passed: int = 0
    """The highest checkpoint that was reached."""
    held_until: float = 0.0
    """The end of a checkpoint's delay, or of the bake time."""
    moved: float = 0.0
    """When an instance was last replaced."""
    rollback: Mapping[str, Any] | None = None

    @property
    def runs(self) -> bool:
        return self.status in (
            "Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking",
        )  # fmt: skip

    @property
    def percentage(self) -> int:
        if self.status in ("Successful", "RollbackSuccessful", "Baking"):
            return 100
        return 100 * (self.total - self.left) // self.total if self.total else 0


@dataclass(frozen=True)
class Group:
    name: str
    arn: str
    created: float
    settings: Mapping[str, Any]
    subnets: tuple[Subnet, ...]
    tags: Mapping[str, Tag] = field(default_factory=dict)
    members: tuple[Member, ...] = ()
    hooks: tuple[Hook, ...] = ()
    suspended: frozenset[str] = frozenset()
    shortages: Mapping[str, Shortage] = field(default_factory=dict)
    activities: tuple[Activity, ...] = ()
    """The newest first."""
    policies: tuple[Policy, ...] = ()
    refreshes: tuple[Refresh, ...] = ()
    """The newest first."""
    why: str = ""
    """The sentence that tells why the desired capacity last changed."""
    scaled: float = 0.0
    """When a policy last acted."""
    deleting: bool = False

    @property
    def desired(self) -> int:
        return int(self.settings["DesiredCapacity"])

    @property
    def least(self) -> int:
        return int(self.settings["MinSize"])

    @property
    def most(self) -> int:
        return int(self.settings["MaxSize"])

    @property
    def zones(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.zone for each in self.subnets))

    @property
    def target_groups(self) -> tuple[str, ...]:
        return tuple(self.settings.get("TargetGroupARNs", ()))

    @property
    def warmup(self) -> int:
        """Seconds from service to full use: DefaultInstanceWarmup, or else the grace period."""
        given = self.settings.get("DefaultInstanceWarmup")
        if given is None or int(given) < 0:
            return int(self.settings.get("HealthCheckGracePeriod") or 0)
        return int(given)

    @property
    def refresh(self) -> Refresh | None:
        """The one that runs."""
        return next((each for each in self.refreshes if each.runs), None)

    def does(self, process: str) -> bool:
        return process not in self.suspended

    def member(self, identifier: str) -> Member | None:
        return next((each for each in self.members if each.id == identifier), None)

    def set(self, **settings: Any) -> Group:
        return replace(self, settings={**self.settings, **settings})

    def put(self, *changed: Member) -> Group:
        """With these members in the place of those of the same id, or added."""
        by_id = {each.id: each for each in self.members} | {each.id: each for each in changed}
        return replace(self, members=tuple(by_id.values()))

    def drop(self, identifier: str) -> Group:
        return replace(self, members=tuple(m for m in self.members if m.id != identifier))

    def tell(self, activity: Activity) -> Group:
        """With a new activity, or one in the place of that with the same id."""
        if any(each.id == activity.id for each in self.activities):
            kept = tuple(activity if each.id == activity.id else each for each in self.activities)
        else:
            kept = (activity, *self.activities)[:MOST_ACTIVITIES]
        return replace(self, activities=kept)

    def amend(self, identifier: str, **changed: Any) -> Group:
        """With something else said of an activity, if it is still known."""
        found = next((each for each in self.activities if each.id == identifier), None)
        return self.tell(replace(found, **changed)) if found else self

    def note(self, refresh: Refresh) -> Group:
        """With a refresh in the place of that with the same id, or begun."""
        others = tuple(each for each in self.refreshes if each.id != refresh.id)
        if len(others) == len(self.refreshes):
            return replace(self, refreshes=(refresh, *others))
        return replace(
            self, refreshes=tuple(refresh if e.id == refresh.id else e for e in self.refreshes)
        )


def counted(group: Group, holds: Callable[[Member], bool]) -> int:
    return sum(1 for each in group.members if holds(each))
