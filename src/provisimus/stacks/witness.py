"""Hears what machines say before the rollback of a stack takes them away.

It watches the events of an operation. At the first failure of an instance, of a group, or of what
waits for a machine's signal, it reads consoles, groups and targets at once, and tells what they
say: the journal keeps it, and `stack diagnose` finds it there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from provisimus.console import console_of
from provisimus.container_words import has_told, service_in
from provisimus.environment import Environment
from provisimus.events import Said, Tell
from provisimus.model import Stack
from provisimus.stacks.diagnosis import TARGETS, look_at_machines
from provisimus.stacks.follow import Deadline, StackEvent
from provisimus.stacks.group_activities import GROUP
from provisimus.stacks.instances import resources_by_kind
from provisimus.stacks.machine_evidence import asked
from provisimus.stacks.template import INSTANCE, WAITING

TELLING = (INSTANCE, GROUP, WAITING)
"""Types of resources whose failure has its reason on a machine."""


HEARS_OUT, LISTENS = 20.0, 1.0
"""Seconds that a machine may take to end its sentence: its last question, five, a pause, two, and
Docker's answers; and seconds between two looks at its console."""


def evidence_step(stack: str) -> str:
    """The name under which the journal keeps what machines of a stack said."""
    return f"evidence of {stack}"


class Witness:
    """`said` is empty until something failed."""

    def __init__(self, environment: Environment, stack: str, tell: Tell) -> None:
        self._environment, self._stack, self._tell = environment, stack, tell
        self._resources: dict[str, list[str]] = {}
        self.said: tuple[str, ...] = ()

    def see(self, event: StackEvent) -> None:
        known = self._resources.setdefault(event.kind, [])
        if (
            event.kind in (INSTANCE, GROUP, TARGETS)
            and event.physical_id
            and event.physical_id not in known
        ):
            known.append(event.physical_id)
        if is_telling(event) and not self.said:
            self.capture()

    def capture(self) -> None:
        """Read everything now, and tell it."""
        self.said = _told(self._environment, self._stack, self._resources, self._tell)


def hear_machines(environment: Environment, stack: Stack, tell: Tell) -> tuple[str, ...]:
    """What the machines of a stack say that does not answer; told, so that it is kept."""
    resources = asked(
        lambda: resources_by_kind(environment, stack.stack_id), dict[str, list[str]]()
    )
    for instance in resources.get(INSTANCE, ()):
        hear_out(
            lambda instance=instance: asked(lambda: console_of(environment, instance), list[str]()),  # type: ignore[misc]
            Deadline.after(HEARS_OUT),
            lambda: time.sleep(LISTENS),
        )
    return _told(environment, stack.name, resources, tell)


def hear_out(
    read: Callable[[], list[str]], deadline: Deadline, pause: Callable[[], None]
) -> list[str]:
    """The console of a machine that is about to say what it found, once it has said it.

    A machine gives its service as long as we do, so it gives up at about the same second; it tells
    of its containers right after. One that says nothing of its service is not waited for.
    """
    before: list[str] | None = None
    while True:
        console = read()
        service = service_in(console)
        # Docker may take seconds for each of its answers where a machine has much to do.
        said_it = service.startswith("unhealthy") and console == before and has_told(console)
        if said_it or not service.startswith(("starting", "unhealthy")) or deadline.passed:
            return console
        before = console
        pause()


def _told(
    environment: Environment, stack: str, resources: Mapping[str, list[str]], tell: Tell
) -> tuple[str, ...]:
    activities, machines = look_at_machines(environment, resources)
    said = (
        *(each.line for each in activities),
        *(line for each in machines for line in each.lines),
    )
    for line in said:
        tell(Said(evidence_step(stack), line))
    return said


def is_telling(event: StackEvent) -> bool:
    """Whether an event is a failure whose reason stands on a machine. Pure."""
    return (
        event.kind in TELLING
        and event.status in ("CREATE_FAILED", "UPDATE_FAILED")
        and "cancelled" not in (event.reason or "").lower()
    )
