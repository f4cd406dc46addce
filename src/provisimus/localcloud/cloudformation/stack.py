"""What the engine remembers of a stack, as plain data that survives a restart.

`Stack` and `Operation` change while an operation runs, always under the engine's lock; all else is
frozen and replaced whole. `to_plain` and `from_plain` are each other's inverse.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from provisimus.localcloud.cloudformation.drift import Detection, Difference, ResourceDrift
from provisimus.localcloud.cloudformation.events import STACK_TYPE, StackEvent, event
from provisimus.localcloud.cloudformation.handlers.interface import Shape
from provisimus.localcloud.cloudformation.parameters import (
    ParameterValue,
    hidden_by,
    masked,
)
from provisimus.localcloud.cloudformation.signals import Awaited, Signal

Phase = Literal["forward", "cleanup", "rollback", "rollback-cleanup", "delete"]
STABLE = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})


@dataclass(frozen=True)
class Resource:
    """A resource of a stack as it was last made; properties hold dynamic references unresolved."""

    logical_id: str
    type: str
    physical_id: str | None
    properties: Mapping[str, Any]
    tags: Mapping[str, str]
    attributes: Mapping[str, Any]
    status: str
    timestamp: float
    reason: str | None = None
    depends_on: tuple[str, ...] = ()
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"
    metadata: Mapping[str, Any] = field(default_factory=dict)
    settling: bool = False
    """Initiated and not yet what was asked for."""
    attempted: Shape | None = None
    """What an unfinished update was to bring; how far it came is not known."""
    awaited: Awaited | None = None
    """Signals that it needs before it is complete."""
    signals: tuple[Signal, ...] = ()
    begun: float = 0.0
    """When it was initiated, in seconds since the epoch: from then on signals are waited for."""
    update_policy: Mapping[str, Any] = field(default_factory=dict)
    rolling: bool = False
    """Updated by a policy that may wait for signals."""

    @property
    def shape(self) -> Shape:
        return Shape(self.properties, self.tags)


@dataclass(frozen=True)
class Deployment:
    """What a stack is asked to be."""

    template_text: str
    parameters: Mapping[str, ParameterValue] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    role_arn: str | None = None
    notification_arns: tuple[str, ...] = ()
    description: str | None = None
    """The template's, so that listing many stacks reads no template."""


@dataclass(frozen=True)
class Output:
    key: str
    value: str
    description: str | None = None
    export: str | None = None


@dataclass(frozen=True)
class Discarded:
    """A physical resource that its stack no longer uses and cleanup has to remove."""

    resource: Resource
    policy: str


@dataclass
class ChangeSet:
    """`changes` are kept as DescribeChangeSet answers them, property values included."""

    id: str
    name: str
    type: str
    description: str | None
    created: float
    deployment: Deployment
    status: str = "CREATE_PENDING"
    reason: str | None = None
    execution_status: str = "UNAVAILABLE"
    changes: list[dict[str, Any]] = field(default_factory=list)
    on_stack_failure: str | None = None
    token: str | None = None
    include_nested: bool = False
    """As it was asked for. No template has nested stacks here: they are refused by name."""


@dataclass
class Operation:
    """One operation under way; enough to go on with it after a restart."""

    verb: Literal["CREATE", "UPDATE", "DELETE"]
    phase: Phase
    on_failure: str = "ROLLBACK"
    token: str | None = None
    previous: Deployment | None = None
    before: dict[str, Resource] = field(default_factory=dict)
    outputs_before: list[Output] = field(default_factory=list)
    imports_before: list[str] = field(default_factory=list)
    discarded: list[Discarded] = field(default_factory=list)
    retain: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    change_set: str | None = None
    policy: str | None = None
    """The stack policy that binds this update."""
    new_policy: str | None = None
    """The one that the stack has when the update has worked."""
    retain_except_on_create: bool = False
    """Whether what it makes is removed with it when it goes back, in spite of Retain."""


@dataclass
class Stack:
    id: str
    name: str
    region: str
    account: str
    created: float
    status: str = "REVIEW_IN_PROGRESS"
    reason: str | None = None
    updated: float | None = None
    deleted: float | None = None
    protected: bool = False
    on_failure: str = "ROLLBACK"
    deployment: Deployment | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    outputs: list[Output] = field(default_factory=list)
    events: list[StackEvent] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    operation: Operation | None = None
    policy: str | None = None
    """The stack policy's text, as it was given."""
    imports: list[str] = field(default_factory=list)
    """Exports of other stacks that it uses, and those that its operation needs to go back."""
    tokens: dict[str, str] = field(default_factory=dict)
    """Of each ClientRequestToken that was accepted a digest of the request."""
    drifts: dict[str, ResourceDrift] = field(default_factory=dict)
    """What was found when the resources were last read back, of those unchanged since."""
    drift_status: str = "NOT_CHECKED"
    drift_checked: float | None = None
    detections: dict[str, Detection] = field(default_factory=dict)

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"

    @property
    def stable(self) -> bool:
        """Whether there is a state to go back to: it once was in one that is complete."""
        return any(
            each.type == STACK_TYPE and each.logical_id == self.name and each.status in STABLE
            for each in self.events
        )

    @property
    def pseudo(self) -> dict[str, Any]:
        """The pseudo parameters' values."""
        arns = self.deployment.notification_arns if self.deployment else ()
        return {
            "AWS::AccountId": self.account,
            "AWS::NotificationARNs": list(arns),
            "AWS::Partition": "aws",
            "AWS::Region": self.region,
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
            "AWS::URLSuffix": "amazonaws.com",
        }

    def system_tags(self, logical_id: str) -> dict[str, str]:
        return {
            "aws:cloudformation:stack-name": self.name,
            "aws:cloudformation:stack-id": self.id,
            "aws:cloudformation:logical-id": logical_id,
        }

    def become(self, status: str, reason: str | None = None) -> None:
        """The stack's own status, with its event."""
        self.status, self.reason = status, reason
        token = self.operation.token if self.operation else None
        happened = event(self.name, self.id, STACK_TYPE, status, reason, token=token)
        self.events.append(happened)

    def tell(
        self,
        resource: Resource,
        status: str,
        reason: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> StackEvent:
        """An event of a resource, without changing its record."""
        told = resource.properties if properties is None else properties
        hidden = hidden_by(self.deployment.parameters) if self.deployment else frozenset()
        happened = event(
            resource.logical_id,
            resource.physical_id,
            resource.type,
            status,
            reason,
            token=self.operation.token if self.operation else None,
            properties=masked(told, hidden),
        )
        self.events.append(happened)
        return happened

    def record(
        self,
        resource: Resource,
        status: str,
        reason: str | None = None,
        properties: Mapping[str, Any] | None = None,
    ) -> Resource:
        """Note what a resource is now, with its event."""
        happened = self.tell(resource, status, reason, properties)
        noted = replace(resource, status=status, reason=reason, timestamp=happened.timestamp)
        self.resources[resource.logical_id] = noted
        self.drifts.pop(resource.logical_id, None)
        return noted


def generated_name(stack_name: str, logical_id: str) -> str:
    """A physical name as CloudFormation makes them."""
    letters = string.ascii_uppercase + string.digits
    return f"{stack_name}-{logical_id}-{''.join(secrets.choice(letters) for _ in range(12))}"


# ---- to plain data and back ---------------------------------------------------------------------


def to_plain(stack: Stack) -> dict[str, Any]:
    """The stack as JSON-able data."""
    return asdict(stack)


def from_plain(plain: Mapping[str, Any]) -> Stack:
    plain = {key: value for key, value in plain.items() if key != "creation_token"}
    return Stack(
        **{
            **plain,
            "deployment": _deployment(plain["deployment"]),
            "resources": {key: _resource(each) for key, each in plain["resources"].items()},
            "outputs": [Output(**each) for each in plain["outputs"]],
            "events": [StackEvent(**each) for each in plain["events"]],
            "change_sets": {
                key: ChangeSet(**{**each, "deployment": _deployment(each["deployment"])})
                for key, each in plain["change_sets"].items()
            },
            "operation": _operation(plain["operation"]),
            "drifts": {key: _drift(each) for key, each in plain.get("drifts", {}).items()},
            "detections": {
                key: Detection(**each) for key, each in plain.get("detections", {}).items()
            },
        }
    )


def _deployment(plain: Mapping[str, Any] | None) -> Any:
    if plain is None:
        return None
    parameters = {key: ParameterValue(**each) for key, each in plain["parameters"].items()}
    return Deployment(
        **{
            **plain,
            "parameters": parameters,
            "capabilities": tuple(plain["capabilities"]),
            "notification_arns": tuple(plain["notification_arns"]),
        }
    )


def _resource(plain: Mapping[str, Any]) -> Resource:
    attempted, awaited = plain["attempted"], plain.get("awaited")
    return Resource(
        **{
            **plain,
            "depends_on": tuple(plain["depends_on"]),
            "attempted": None if attempted is None else Shape(**attempted),
            "awaited": None if awaited is None else Awaited(**awaited),
            "signals": tuple(Signal(**each) for each in plain.get("signals", ())),
        }
    )


def _drift(plain: Mapping[str, Any]) -> ResourceDrift:
    found = tuple(Difference(**each) for each in plain["differences"])
    return ResourceDrift(**{**plain, "differences": found})


def _operation(plain: Mapping[str, Any] | None) -> Operation | None:
    if plain is None:
        return None
    return Operation(
        **{
            **plain,
            "previous": _deployment(plain["previous"]),
            "before": {key: _resource(each) for key, each in plain["before"].items()},
            "outputs_before": [Output(**each) for each in plain["outputs_before"]],
            "discarded": [
                Discarded(_resource(each["resource"]), each["policy"])
                for each in plain["discarded"]
            ],
            "retain": tuple(plain["retain"]),
            "skip": tuple(plain["skip"]),
        }
    )
