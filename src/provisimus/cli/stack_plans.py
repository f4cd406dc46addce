"""`provisimus stack plan` of many: side by side, told in the order in which they are applied."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import click

from provisimus.cli.release import CHANGES, as_data
from provisimus.cli.session import Session
from provisimus.cli.table import table
from provisimus.errors import InvalidDefinitions, ProvisimusError

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Plan

SIDE_BY_SIDE = 8


def all_names(session: Session) -> list[str]:
    """Every stack that the workspace declares, each after those that it uses."""
    from provisimus.workspace.stack_uses import in_order

    workspace = session.workspace
    return in_order({name: workspace.stack(name, session.env) for name in workspace.services()})


def show_plans(session: Session, names: list[str], *, exit_code: bool) -> None:
    """A line per stack; one that cannot be planned says why, and the others are told all the same.

    Raises the first error after all were told.
    """
    environment = session.open()
    first = [_planned(session, environment, name) for name in names[:1]]  # clients are made once
    with ThreadPoolExecutor(SIDE_BY_SIDE) as side_by_side:
        rest = side_by_side.map(lambda name: _planned(session, environment, name), names[1:])
        found = dict(zip(names, [*first, *rest], strict=True))
    rows = [_row(name, made) for name, made in found.items()]
    session.emit(
        [
            {"service": name, **made.as_json()}
            if isinstance(made, ProvisimusError)
            else as_data(made)
            for name, made in found.items()
        ],
        table(["", "stack", "to do", "why"], rows) if rows else "no stack is declared",
    )
    for made in found.values():
        if isinstance(made, ProvisimusError):
            raise made
    if exit_code and any(not isinstance(e, ProvisimusError) and e.changes for e in found.values()):
        click.get_current_context().exit(CHANGES)


def _planned(session: Session, environment: Environment, name: str) -> Plan | ProvisimusError:
    from provisimus.model import ServiceVersion
    from provisimus.release import plan_release

    try:
        return plan_release(session.workspace, environment, ServiceVersion.parse(name)).plan
    except ProvisimusError as error:
        return error


def _row(name: str, made: Plan | ProvisimusError) -> tuple[str, str, str, str]:
    if isinstance(made, ProvisimusError):
        wrong = made.problems[0] if isinstance(made, InvalidDefinitions) else made
        return "!", name, "unknown", wrong.message
    needed = [step for step in made.steps if step.needed]
    shown = f"{name} {made.version}".rstrip()
    if not needed:
        return "=", shown, "nothing", made.steps[-1].reason
    actions = ", ".join(f"{step.stage} {step.action}" for step in needed)
    return "+", shown, actions, needed[-1].reason
