"""`stack delete`: stacks go as soon as those that use them are gone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from provisimus.cli.session import Session
from provisimus.cli.stack_found import check_declared
from provisimus.cli.tree import new_tree
from provisimus.errors import InvalidDefinitions, NotFound
from provisimus.events import Skipped, about, step

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Stack
    from provisimus.stacks.deletions import Deletions


def delete_many(
    session: Session, services: list[str], *, every: bool, timeout: float | None
) -> None:
    """Delete the stacks of services, or `every` one of the project in the environment.

    One that is named and may not go stops all before anything is touched. Raises NotFound, Refused,
    and the first failure after all were told.
    """
    from provisimus.stacks.deletions import plan_deletions

    workspace, environment = session.workspace, session.open()
    found = _every(session, environment) if every else _named(session, environment, services)
    plan = plan_deletions(environment, workspace.name, found)
    for refused in () if every else plan.kept.values():
        raise refused
    nothing = f"no stack of {workspace.name} is in {session.env}"
    delete_all(session, environment, plan, {}, nothing, timeout=timeout)


def delete_all(
    session: Session,
    environment: Environment,
    plan: Deletions,
    kept: Mapping[str, str],
    nothing: str,
    *,
    timeout: float | None,
) -> None:
    """Say what goes and what stays, ask, delete. `kept` stays for other reasons than the plan's;
    `nothing` is said where no stack is concerned. Raises the first failure after all were told."""
    kept = {**kept, **{name: why.message for name, why in plan.kept.items()}}
    data: dict[str, object] = {
        "delete": [each.stack.name for each in plan.going],
        "keep": kept,
        "snapshots_of": [mount for each in plan.going for mount in each.snapshots],
        "retained": {each.stack.name: each.retained for each in plan.going if each.retained},
        "deleted": [],
    }
    lines = [
        f"delete {each.stack.name}; {each.stays or 'no data is kept'}" for each in plan.going
    ] + [f"keep   {name}: {why}" for name, why in kept.items()]
    if session.dry_run or not plan.going:
        session.emit(data, "\n".join(lines) or nothing)
        return
    place = environment.whose()
    click.echo("\n".join([place, *lines]), err=True)
    count = len(plan.going)
    session.confirm(f"Delete {count} stack{'s' if count > 1 else ''} in {place}?")
    gone, failure = _go(session, environment, plan, timeout)
    deleted = [each for each in plan.going if each.service in gone]
    session.emit(
        {**data, "deleted": [each.stack.name for each in deleted]},
        "\n".join(f"{e.stack.name} is deleted; {e.stays or 'no data is kept'}" for e in deleted),
    )
    if failure is not None:
        raise failure


def _go(
    session: Session, environment: Environment, plan: Deletions, timeout: float | None
) -> tuple[list[str], Exception | None]:
    """The services whose stacks are gone, and the first failure."""
    from provisimus.parallel import side_by_side
    from provisimus.release import one_at_a_time
    from provisimus.stacks.delete import delete_stack

    going = {each.service: each for each in plan.going}
    title = f"delete {len(going)} stacks"
    tell = session.telling(new_tree(title, list(going), quiet=session.quiet))

    def work(name: str) -> None:
        with (
            step(tell, name, going[name].stays),
            one_at_a_time(session.workspace, session.env, name, session.run),
        ):
            delete_stack(
                environment, going[name].stack, name, about(tell, name), session.run,
                timeout=timeout,
            )  # fmt: skip

    def untouched(name: str, causes: tuple[str, ...]) -> None:
        tell(Skipped(name, f"not touched: used by {', '.join(causes)}, which could not be deleted"))

    with step(tell, title):
        ended = side_by_side(plan.before(), work, untouched)
    gone = [name for name in going if name in ended and ended[name] is None]
    return gone, next((each for each in ended.values() if isinstance(each, Exception)), None)


def _every(session: Session, environment: Environment) -> list[Stack]:
    from provisimus.stacks.live import list_stacks

    return list_stacks(environment, session.workspace.name)


def _named(session: Session, environment: Environment, services: list[str]) -> list[Stack]:
    """The stacks of services, those of a cluster's members for a cluster. Raises NotFound,
    Undeclared where no file declares it either."""
    from provisimus.stacks.live import SERVICE

    workspace = session.workspace
    there = {each.tags.get(SERVICE, each.name): each for each in _every(session, environment)}
    found: dict[str, Stack] = {}
    for service in services:
        try:
            known = workspace.has_service(service)
            members = workspace.members(service, session.env) if known else []
        except InvalidDefinitions:
            # What is there can go, whatever its file says by now.
            if service not in there:
                raise
            members = []
        names = [name for name in members or [service] if name in there]
        if not names:
            check_declared(session, service)
            raise NotFound(
                f"there is no stack of {service} in {session.env}",
                hint="see: provisimus stack list",
            )
        found |= {name: there[name] for name in names}
    return list(found.values())
