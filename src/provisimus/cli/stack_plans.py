"""`provisimus stack plan`: stacks side by side, told in the order in which they are applied."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisimus.cli.release import CHANGES, as_data, as_text
from provisimus.cli.session import Session
from provisimus.cli.stack_review import review_lines
from provisimus.cli.table import table
from provisimus.errors import InvalidDefinitions, ProvisimusError

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Stack
    from provisimus.release import ReleasePlan
    from provisimus.stacks.review import Review

SIDE_BY_SIDE = 24
"""Plans made at once: they wait for answers, and one rate holds for all that they ask."""
MANY = 50
"""Stacks, from which on all of an account are read together: a page has some hundred."""


@dataclass(frozen=True)
class Asked:
    """How plans are looked at. `allow` names what holds data and may go."""

    allow: tuple[str, ...] = ()
    change_set: bool = True
    drift: bool = False


@dataclass(frozen=True)
class Planned:
    """A release's plan, and what it would do to each of its stacks."""

    release: ReleasePlan
    reviews: tuple[Review, ...]

    def as_data(self) -> dict[str, object]:
        return {
            **as_data(self.release.plan),
            "stacks": [asdict(each) for each in self.reviews],
            "order": "one at a time" if self.release.members else "at once",
        }


def all_names(session: Session) -> list[str]:
    """Every stack that the workspace declares, each after those that it uses."""
    from provisimus.workspace.stack_uses import in_order

    workspace = session.workspace
    return in_order({name: workspace.stack(name, session.env) for name in workspace.services()})


def make_plans(
    session: Session, names: list[str], asked: Asked, environment: Environment | None = None
) -> dict[str, Planned | ProvisimusError]:
    """Plans by name, made side by side. One that cannot be made is its error."""
    place = environment or session.open()
    seen = _together(place) if len(names) >= MANY else None

    def planned(name: str) -> Planned | ProvisimusError:
        return _planned(session, place, name, asked, seen)

    first = [planned(name) for name in names[:1]]  # makes the clients
    with ThreadPoolExecutor(SIDE_BY_SIDE) as side_by_side:
        rest = side_by_side.map(planned, names[1:])
        return dict(zip(names, [*first, *rest], strict=True))


def _together(environment: Environment) -> dict[str, Stack] | None:
    """Every stack of the account by name; None where one may only ask for each by its name."""
    from provisimus.aws import CloudFault
    from provisimus.stacks.live import every_stack

    try:
        return {each.name: each for each in every_stack(environment)}
    except CloudFault:
        return None


def show_plans(
    session: Session,
    names: list[str],
    asked: Asked,
    *,
    exit_code: bool = False,
    out: Path | None = None,
) -> None:
    """One plan in full; of many a line per stack, and then what changes. One that cannot be planned
    says why, and the others are told all the same. `out` is where what was planned is saved.

    Raises the first error after all were told, and Refused for data that would be lost.
    """
    found = make_plans(session, names, asked)
    if fault := one_fault(found):
        raise fault

    def data() -> object:
        every = [
            {"service": name, **each.as_json()}
            if isinstance(each, ProvisimusError)
            else each.as_data()
            for name, each in found.items()
        ]
        return every[0] if len(names) == 1 else every

    session.emit(data, text_of(found))
    tell_faults(found)
    if out is not None:
        from provisimus.cli.saved_plans import save_plans

        sound = {name: made for name, made in found.items() if isinstance(made, Planned)}
        save_plans(session, out, sound, asked)
        click.echo(f"saved: provisimus stack apply --plan {out} --env {session.env}", err=True)
    if exit_code and any(isinstance(e, Planned) and e.release.plan.changes for e in found.values()):
        click.get_current_context().exit(CHANGES)


def one_fault(found: Mapping[str, Planned | ProvisimusError]) -> ProvisimusError | None:
    """What keeps every stack from being planned, where it is one and the same. Pure."""
    faults = [each for each in found.values() if isinstance(each, ProvisimusError)]
    same = {(type(each), str(each), each.where) for each in faults}
    return faults[0] if len(same) == 1 and len(faults) == len(found) else None


def tell_faults(found: dict[str, Planned | ProvisimusError]) -> None:
    """Raises the first error of plans, else Refused for the first by which data would be lost."""
    for made in found.values():
        if isinstance(made, ProvisimusError):
            raise made
    for made in found.values():
        if isinstance(made, Planned):
            for each in made.reviews:
                each.refuse()


def _planned(
    session: Session,
    environment: Environment,
    name: str,
    asked: Asked,
    seen: Mapping[str, Stack] | None,
) -> Planned | ProvisimusError:
    from provisimus.model import ServiceVersion
    from provisimus.release import plan_release

    try:
        made = plan_release(session.workspace, environment, ServiceVersion.parse(name), seen=seen)
        return reviewed(made, environment, asked, session.run)
    except ProvisimusError as error:
        return error


def reviewed(made: ReleasePlan, environment: Environment, asked: Asked, run: str) -> Planned:
    """A release's plan with what it would do to its stacks. Raises ProvisimusError."""
    from provisimus.stacks.review import review_stack

    image = made.machine.image.image_id if made.machine and made.machine.image else None
    stacks = made.members or ((made.stack,) if made.stack else ())
    reviews = tuple(
        review_stack(
            each,
            environment,
            image,
            run,
            allow=asked.allow,
            change_set=asked.change_set,
            drift=asked.drift,
        )
        for each in stacks
    )
    return Planned(made, reviews)


def text_of(found: dict[str, Planned | ProvisimusError]) -> str:
    """For people: one in full; of many a line each, then what changes."""
    if not found:
        return "no stack is declared"
    [first, *more] = found.values()
    head = (
        as_text(first.release.plan)
        if isinstance(first, Planned) and not more
        else table(["", "stack", "to do", "why"], [_row(*each) for each in found.items()])
    )
    parts = [head]
    for made in found.values():
        if isinstance(made, Planned):
            parts += ["\n".join(lines) for each in made.reviews if (lines := review_lines(each))]
            if made.release.members and made.release.plan.changes:
                parts.append("members are changed one at a time, each when the one before answers")
    return "\n\n".join(parts)


def _row(name: str, made: Planned | ProvisimusError) -> tuple[str, str, str, str]:
    if isinstance(made, ProvisimusError):
        wrong = made.problems[0] if isinstance(made, InvalidDefinitions) else made
        return "!", name, "unknown", wrong.message
    plan = made.release.plan
    needed = [step for step in plan.steps if step.needed]
    shown = f"{name} {plan.version}".rstrip()
    if not needed:
        return "=", shown, "nothing", plan.steps[-1].reason
    actions = ", ".join(f"{step.stage} {step.action}" for step in needed)
    return "+", shown, actions, needed[-1].reason
