"""Following a stack operation: its events as they come, until it ends. Starts and stops nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from provisimus.aws import CloudFault, speaking
from provisimus.environment import Environment
from provisimus.errors import StillRunning
from provisimus.events import Said, Tell, Warned

STACK = "AWS::CloudFormation::Stack"
INITIATED = "Resource creation Initiated"
"""The reason of a second event of each resource, which tells nothing that the first did not."""

NEAR_FIRST, NEAR_LAST, FAR_FIRST, FAR_LAST = 0.05, 0.3, 2.0, 5.0
"""Seconds between questions, growing while nothing happens: to a cloud on this machine; to AWS."""


@dataclass(frozen=True)
class StackEvent:
    """One line of a stack's history. `time` in seconds since the epoch."""

    event_id: str
    time: float
    logical_id: str
    physical_id: str
    kind: str
    status: str
    reason: str | None = None
    token: str | None = None

    @property
    def line(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.status:<20} {self.logical_id} ({self.kind}){why}"


@dataclass(frozen=True)
class Deadline:
    """Until when an operation may take; `seconds` None is for ever."""

    seconds: float | None
    began: float

    @classmethod
    def after(cls, seconds: float | None) -> Deadline:
        return cls(seconds, time.monotonic())

    @property
    def passed(self) -> bool:
        return self.seconds is not None and time.monotonic() - self.began >= self.seconds


class Pace:
    """How long to wait before asking again. Anything new brings the first pace back."""

    def __init__(self, environment: Environment) -> None:
        near = environment.cloud.endpoint is not None
        self._first, self._last = (NEAR_FIRST, NEAR_LAST) if near else (FAR_FIRST, FAR_LAST)
        self._now = self._first

    def pause(self, *, news: bool = False) -> None:
        self._now = self._first if news else self._now
        time.sleep(self._now)
        self._now = min(self._last, self._now * 1.4)


def event_of(found: Any) -> StackEvent:
    return StackEvent(
        found["EventId"],
        found["Timestamp"].timestamp(),
        found.get("LogicalResourceId", ""),
        found.get("PhysicalResourceId", ""),
        found.get("ResourceType", ""),
        found.get("ResourceStatus", ""),
        found.get("ResourceStatusReason"),
        found.get("ClientRequestToken"),
    )


def events_of(environment: Environment, stack: str) -> Iterator[StackEvent]:
    """A stack's events, newest first, page by page."""
    cloud = environment.cloud
    with speaking(cloud, f"read the events of {stack}"):
        pages = cloud.cloudformation.get_paginator("describe_stack_events").paginate(
            StackName=stack
        )
        for page in pages:
            yield from map(event_of, page["StackEvents"])


def newest(environment: Environment, stack: str) -> str | None:
    """The id of the newest event: where a following begins. None for a stack without any."""
    try:
        return next((each.event_id for each in events_of(environment, stack)), None)
    except CloudFault as fault:
        if "does not exist" in fault.message:
            return None
        raise


def before_deletion(newest_first: Iterable[StackEvent]) -> str | None:
    """The id of the last event before the newest deletion began. Pure."""
    begun = False
    for each in newest_first:
        if begun:
            return each.event_id
        begun = each.kind == STACK and each.status == "DELETE_IN_PROGRESS"
    return None


def follow(
    environment: Environment,
    stack: str,
    since: str | None,
    tell: Tell,
    *,
    step: str,
    service: str,
    deadline: Deadline,
    on_event: Callable[[StackEvent], None] | None = None,
) -> list[StackEvent]:
    """Tell what is news after `since`, once, until the stack rests; returns all, oldest first.

    Interrupted, it leaves the operation running and says how to go on. Raises StillRunning when
    the deadline passes.
    """
    seen: list[StackEvent] = []
    known = {since}
    pace = Pace(environment)
    try:
        while True:
            fresh = _fresh(events_of(environment, stack), known)
            for each in fresh:
                known.add(each.event_id)
                seen.append(each)
                if each.reason != INITIATED:
                    tell(Said(step, each.line))
                if on_event:
                    on_event(each)
            if seen and ended(seen[-1]):
                return seen
            if deadline.passed:
                raise StillRunning(
                    f"{step} is not done after {deadline.seconds:g} s; it goes on in the cloud",
                    hint=f"follow it: provisimus stack events {service} --follow",
                )
            pace.pause(news=bool(fresh))
    except KeyboardInterrupt:
        tell(Warned(f"{step} goes on in the cloud: provisimus stack events {service} --follow"))
        raise


def latest(environment: Environment, stack: str) -> StackEvent | None:
    """The newest event. Its token is the running operation's, by which a caller knows its own."""
    return next(events_of(environment, stack), None)


def ended(event: StackEvent) -> bool:
    """Whether this is an event of the stack itself after which nothing more comes."""
    return (
        event.kind == STACK
        and event.physical_id.startswith("arn:")
        and not event.status.endswith("_IN_PROGRESS")
    )


def _fresh(newest_first: Iterable[StackEvent], known: set[str | None]) -> list[StackEvent]:
    fresh = []
    for each in newest_first:
        if each.event_id in known:
            break
        fresh.append(each)
    return fresh[::-1]


def first_cause(events: Iterable[StackEvent]) -> StackEvent | None:
    """The failure that began it: what was merely cancelled because of it is no cause."""
    failures = [
        each
        for each in events
        if each.status.endswith("_FAILED")
        and each.kind != STACK
        and "cancelled" not in (each.reason or "").lower()
    ]
    return failures[0] if failures else None
