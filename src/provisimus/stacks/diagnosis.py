"""What is wrong with a stack: the first cause, and what the machines say of their service."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from provisimus.container_words import SaidContainer
from provisimus.environment import Environment
from provisimus.model import Stack
from provisimus.stacks.follow import STACK, StackEvent, events_of, first_cause
from provisimus.stacks.group_activities import (
    GROUP,
    Activity,
    activities_of,
    members_of,
    suspects,
)
from provisimus.stacks.instances import resources_by_kind
from provisimus.stacks.machine_evidence import MachineEvidence, asked, evidence_of, targets_of
from provisimus.stacks.template import INSTANCE
from provisimus.stacks.tokens import goes_back

UNKNOWN = "a change was taken back, for it did not answer; nothing more of it is kept here"

TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"


@dataclass(frozen=True)
class Returned:
    """A change was taken back. `began` is when that change began, in seconds since the epoch;
    `failure` is why the return failed, None when it went well."""

    began: float
    failure: StackEvent | None = None

    @property
    def line(self) -> str:
        if self.failure:
            return f"failed: {self.failure.line}"
        return "went well: the stack is what it was before the change"


@dataclass(frozen=True)
class Diagnosis:
    """`cause` None when nothing failed in the last operation that was no return. `activities` are
    those of a group that failed or that took an unhealthy instance away, the newest first;
    `machines` the instances that tell most. `returned` is how what was there before was brought
    back since, None where nothing was.
    """

    stack: Stack
    cause: StackEvent | None
    activities: tuple[Activity, ...]
    machines: tuple[MachineEvidence, ...]
    returned: Returned | None = None

    @property
    def first_cause(self) -> str:
        """The first cause in words, from the outside in: what failed in the stack, a group that
        cannot launch, a container that does not run, a target that does not answer."""
        return self.cause_beside()

    def cause_beside(self, heard: Sequence[str] = ()) -> str:
        """The same where a journal keeps what was `heard` of machines that are gone: it is what
        a return was made for."""
        if self.cause:
            return self.cause.line
        if self.returned:
            return cause_in(heard) or UNKNOWN
        for each in self.activities:
            return each.line
        for machine in self.machines:
            for container in machine.containers:
                if not container.is_well:
                    return f"container {container.name} of {machine.instance}: {container.state}"
            if machine.service.startswith("unhealthy"):
                return f"the service of {machine.instance} is {machine.service}"
            if machine.target and not machine.target.startswith("healthy"):
                return f"{machine.instance} is {machine.target} at the load balancer"
            if machine.state != "running":
                return f"the instance {machine.instance} is {machine.state}"
        return "nothing failed in the last operation"


def diagnose(environment: Environment, stack: Stack) -> Diagnosis:
    cause, returned = what_failed(list(events_of(environment, stack.stack_id)))
    activities, machines = look_at_machines(
        environment, resources_by_kind(environment, stack.stack_id)
    )
    return Diagnosis(stack, cause, activities, machines, returned)


def what_failed(newest_first: list[StackEvent]) -> tuple[StackEvent | None, Returned | None]:
    """The first cause of the last operation, and how the way back went where that operation was
    one: then the cause is that of the change which was taken back. Pure."""
    way_back: list[StackEvent] = []
    rest = newest_first
    last = last_operation(rest)
    while last and goes_back(last[0].token):
        way_back = [*last, *way_back]
        rest = rest[len(last) :]
        last = last_operation(rest)
    cause = first_cause(last)
    if not way_back or not last:
        return first_cause(way_back) or cause, None
    return cause, Returned(last[0].time, first_cause(way_back))


def cause_in(heard: Iterable[str]) -> str | None:
    """What tells most of what was heard of machines: a container that does not run, a service that
    does not answer; the first line where neither is told, None where nothing was heard. Pure."""
    lines = [each.strip() for each in heard]
    said = [_CONTAINER.match(each) for each in lines]
    for match in filter(None, said):
        if not SaidContainer(match["name"], match["state"]).is_well:
            return match[0]
    service = [each for each in lines if each.startswith("service: unhealthy")]
    return service[0] if service else lines[0] if lines else None


_CONTAINER = re.compile(r"container (?P<name>[\w.-]+): (?P<state>.+)$")


def look_at_machines(
    environment: Environment, resources: Mapping[str, list[str]]
) -> tuple[tuple[Activity, ...], tuple[MachineEvidence, ...]]:
    """What the groups among a stack's resources (physical ids by type) did, and what its machines
    say. What cannot be read is left out."""
    targets = targets_of(environment, resources.get(TARGETS, ()))
    told: list[Activity] = []
    instances = [each for each in resources.get(INSTANCE, ()) if each.startswith("i-")]
    for group in resources.get(GROUP, ()):
        done = asked(lambda group=group: activities_of(environment, group), list[Activity]())  # type: ignore[misc]
        members = asked(lambda group=group: members_of(environment, group), list[str]())  # type: ignore[misc]
        told += [each for each in done if each.failed or each.is_sick]
        instances += suspects(done, members, targets)
    return tuple(told), tuple(evidence_of(environment, each, targets) for each in instances)


def last_operation(newest_first: list[StackEvent]) -> list[StackEvent]:
    """The events of the newest operation, oldest first. "User Initiated" begins each."""

    def goes_on(event: StackEvent) -> bool:
        return not (event.kind == STACK and event.reason == "User Initiated")

    later = list(takewhile(goes_on, newest_first))
    return [*newest_first[: len(later) + 1]][::-1]
