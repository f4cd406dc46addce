"""`provisimus stack watch`, `cancel`, `unstick`: an operation that goes on, or went wrong."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.stack_found import find_own
from provisimus.errors import Refused

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import Stack
    from provisimus.stacks.change_set import Operation
    from provisimus.stacks.ways_out import Held, Way

_TIMEOUT = click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting after.")


@click.command()
@click.argument("service", shell_complete=service_names)
@_TIMEOUT
@with_session(env=True, work=True)
def watch(session: Session, service: str, timeout: float | None) -> None:
    """Follow the operation of a SERVICE's stack from any machine, to its end.

    Exits with 0 when it ended well, 6 when it was rolled back, 7 when the time is over.

    \b
    Examples:
      provisimus stack watch greeter
      provisimus stack watch greeter --env production --timeout 900 --events ndjson
    """
    from provisimus.stacks.change_set import rolled_back
    from provisimus.stacks.diagnosis import last_operation
    from provisimus.stacks.follow import Deadline, events_of, follow
    from provisimus.stacks.live import find_stack, state_of

    environment, found = find_own(session, service)
    if state_of(found.status) != "busy":
        session.emit(asdict(found), f"{found.name} rests: {found.status}")
        return
    known = last_operation(list(events_of(environment, found.stack_id)))
    fresh = follow(
        environment, found.stack_id, known[-1].event_id, session.tell,
        step=found.name, service=service, deadline=Deadline.after(timeout),
    )  # fmt: skip
    after = find_stack(environment, found.stack_id)
    status = after.status if after else fresh[-1].status
    if after is not None and status not in _WELL:
        raise rolled_back(service, after, [*known, *fresh])
    session.emit({"stack": found.name, "status": status}, f"{found.name} is {status}")


_WELL = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "IMPORT_COMPLETE")


@click.command()
@click.argument("service", shell_complete=service_names)
@_TIMEOUT
@with_session(env=True, yes=True, dry_run=True, work=True)
def cancel(session: Session, service: str, timeout: float | None) -> None:
    """Cancel the operation of a SERVICE's stack: an update goes back, a creation is deleted.

    \b
    Examples:
      provisimus stack cancel greeter --dry-run
      provisimus stack cancel greeter --env staging --yes
    """
    from provisimus.stacks.ways_out import Way, way_out

    environment, found = find_own(session, service)
    way = way_out(found.status)
    if found.status == "CREATE_IN_PROGRESS":
        way = Way("delete", "what was made so far is deleted")
    if way.action not in ("cancel", "delete") or not found.status.endswith("_IN_PROGRESS"):
        raise Refused(
            f"{found.name} has nothing to cancel: {found.status}",
            where=found.stack_id,
            hint=f"see: provisimus stack events {service}",
        )
    _go(session, environment, service, found, way, timeout)


@click.command()
@click.argument("service", shell_complete=service_names)
@click.option("--skip", multiple=True, metavar="RESOURCE", help="Leave it as it is, going back.")
@click.option("--retain", multiple=True, metavar="RESOURCE", help="Leave it behind, deleting.")
@_TIMEOUT
@with_session(env=True, yes=True, dry_run=True, work=True)
def unstick(
    session: Session,
    service: str,
    skip: tuple[str, ...],
    retain: tuple[str, ...],
    timeout: float | None,
) -> None:
    """Lead the stack of a SERVICE out of the status that holds it, and clean what is left over.

    Says first what it will do, and at which resources the stack is stuck. Change sets that failed
    or were never executed go, too.

    \b
    Examples:
      provisimus stack unstick greeter --dry-run
      provisimus stack unstick greeter --skip DataVolume --yes      leave it as it is, going back
      provisimus stack unstick greeter --retain Bucket --yes        leave it behind, deleting
    """
    from provisimus.stacks.ways_out import check_named, held_resources, way_out

    environment, found = find_own(session, service)
    held = held_resources(environment, found)
    check_named(held, (*skip, *retain))
    _go(session, environment, service, found, way_out(found.status), timeout, held, skip, retain)


def _go(
    session: Session,
    environment: Environment,
    service: str,
    found: Stack,
    way: Way,
    timeout: float | None,
    held: tuple[Held, ...] = (),
    skip: tuple[str, ...] = (),
    retain: tuple[str, ...] = (),
) -> None:
    from provisimus.stacks.ways_out import clean, take, unexecuted

    leftovers = unexecuted(environment, found)
    if found.status == "REVIEW_IN_PROGRESS":
        leftovers = ()  # they go with it
    lines = [f"{found.name} is {found.status}: {way.words}"]
    lines += [f"  stuck at {each.logical_id} ({each.kind}): {each.reason}" for each in held]
    lines += [f"  the change set {name} is left over" for name in leftovers]
    data = {
        "stack": found.name,
        "status": found.status,
        "action": way.action,
        "held": [asdict(each) for each in held],
        "change_sets": leftovers,
    }
    if session.dry_run or (way.action in ("nothing", "wait") and not leftovers):
        session.emit(data, "\n".join(lines))
        return
    if not session.json:
        click.echo("\n".join(lines), err=True)
    session.confirm(f"Go on in {session.env}?")
    operation = _operation(session, environment, service, found, timeout)
    if way.action == "wait":
        leftovers = ()  # the operation that goes on may be one of theirs
    clean(operation, found, leftovers)
    status = take(operation, found, way, skip=skip, retain=retain)
    session.emit({**data, "status": status}, f"{found.name} is {status}")


def _operation(
    session: Session, environment: Environment, service: str, found: Stack, timeout: float | None
) -> Operation:
    from provisimus.stacks.change_set import Operation
    from provisimus.stacks.follow import Deadline

    deadline = Deadline.after(timeout)
    return Operation(environment, service, found.name, session.run, session.tell, deadline)
