"""What is wrong with a stack: the first cause, and what the machine says of its service."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile

from provisimus.console import last_words
from provisimus.environment import Environment
from provisimus.model import Stack
from provisimus.stacks.follow import STACK, StackEvent, events_of, first_cause
from provisimus.stacks.instances import address_of, find_instance


@dataclass(frozen=True)
class Diagnosis:
    """`cause` None when nothing failed in the last operation. `console` holds the lines of the
    instance's console that tell something, oldest first.
    """

    stack: Stack
    cause: StackEvent | None
    instance: str | None
    instance_state: str
    address: str | None
    console: tuple[str, ...]


def diagnose(environment: Environment, stack: Stack) -> Diagnosis:
    events = last_operation(list(events_of(environment, stack.stack_id)))
    instance = stack.outputs.get("InstanceId")
    found = find_instance(environment, instance) if instance else None
    return Diagnosis(
        stack,
        first_cause(events),
        instance,
        str(found["State"]["Name"]) if found else "unknown",
        address_of(found),
        last_words(environment, instance),
    )


def last_operation(newest_first: list[StackEvent]) -> list[StackEvent]:
    """The events of the newest operation, oldest first. "User Initiated" begins each."""

    def goes_on(event: StackEvent) -> bool:
        return not (event.kind == STACK and event.reason == "User Initiated")

    later = list(takewhile(goes_on, newest_first))
    return [*newest_first[: len(later) + 1]][::-1]
