"""What is wrong with a stack: the first cause, and what the machines say of their service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

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

TARGETS = "AWS::ElasticLoadBalancingV2::TargetGroup"


@dataclass(frozen=True)
class Diagnosis:
    """`cause` None when nothing failed in the last operation. `activities` are those of a group
    that failed or that took an unhealthy instance away, the newest first; `machines` the instances
    that tell most.
    """

    stack: Stack
    cause: StackEvent | None
    activities: tuple[Activity, ...]
    machines: tuple[MachineEvidence, ...]

    @property
    def first_cause(self) -> str:
        """The first cause in words, from the outside in: what failed in the stack, a group that
        cannot launch, a container that does not run, a target that does not answer."""
        if self.cause:
            return self.cause.line
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
    events = last_operation(list(events_of(environment, stack.stack_id)))
    activities, machines = look_at_machines(
        environment, resources_by_kind(environment, stack.stack_id)
    )
    return Diagnosis(stack, first_cause(events), activities, machines)


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
