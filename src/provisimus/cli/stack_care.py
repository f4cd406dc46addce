"""`provisimus stack drift`, `protect`, `prune`: what was changed by hand, and what may go."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.stack_found import find_own, find_stack_of

CHANGES = 4
"""The exit code for `--exit-code` where something differs."""


@click.command()
@click.argument("service", shell_complete=service_names)
@click.option("--exit-code", is_flag=True, help="Exit with 4 when something differs.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting after.")
@with_session(env=True)
def drift(session: Session, service: str, exit_code: bool, timeout: float | None) -> None:
    """Find what was changed by hand since the stack of a SERVICE was applied.

    CloudFormation reads the resources back, property by property; that takes a while on AWS.

    \b
    Examples:
      provisimus stack drift greeter
      provisimus stack drift greeter --env production --exit-code
    """
    from provisimus.stacks.drift import detect
    from provisimus.stacks.follow import Deadline

    environment, found = find_stack_of(session, service)
    seen = detect(environment, found, Deadline.after(timeout))
    differing = [each for each in seen if each.status in ("MODIFIED", "DELETED")]
    lines: list[str] = []
    for each in differing:
        lines.append(f"{each.status.lower()}  {each.logical_id} ({each.kind})  {each.physical_id}")
        lines += [
            f"  {one.path}: {one.expected or 'nothing'} → {one.actual or 'nothing'}"
            for one in each.differences
        ]
    unchecked = [each.logical_id for each in seen if each.status == "NOT_CHECKED"]
    checked = len(seen) - len(unchecked)
    lines.append(f"{len(differing)} of {checked} resources differ from the template")
    if unchecked:
        lines.append(f"not checked: {', '.join(unchecked)}")
    session.emit([asdict(each) for each in seen], "\n".join(lines))
    if exit_code and differing:
        raise SystemExit(CHANGES)


@click.command()
@click.argument("service", shell_complete=service_names)
@click.option("--off", is_flag=True, help="Take the protection away.")
@with_session(env=True, yes=True, dry_run=True)
def protect(session: Session, service: str, off: bool) -> None:
    """Protect the stack of a SERVICE from being deleted, by anybody; --off takes that away.

    An environment with `protect: true` protects its stacks whenever they are applied.

    \b
    Examples:
      provisimus stack protect greeter --env production
      provisimus stack protect greeter --env production --off --yes
    """
    from provisimus.stacks.protection import protect_stack

    environment, found = find_own(session, service)
    words = "unprotected" if off else "protected"
    data = {"stack": found.name, "protected": not off, "changed": found.protected is off}
    if found.protected is not off:
        session.emit(data, f"{found.name} is {words} already")
        return
    if session.dry_run:
        session.emit(data, f"{found.name} would be {words}")
        return
    if off:
        session.confirm(f"Take the protection of {found.name} in {session.env} away?")
    protect_stack(environment, found, on=not off)
    session.emit(data, f"{found.name} is {words}")


@click.command()
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for each after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def prune(session: Session, timeout: float | None) -> None:
    """Delete the stacks of this project that no definition declares any more.

    Who uses another goes before it. What a declared stack uses, what is protected and what is busy
    stays, and is told.

    \b
    Examples:
      provisimus stack prune --dry-run
      provisimus stack prune --env staging --yes
    """
    from provisimus.cli.stack_deletes import delete_all
    from provisimus.stacks.deletions import plan_deletions
    from provisimus.stacks.pruning import find_orphans

    workspace = session.workspace
    environment = session.open()
    orphans = find_orphans(environment, workspace.name, workspace.declared(session.env))
    plan = plan_deletions(environment, workspace.name, orphans.stacks)
    kept = {each.name: why for each, why in orphans.kept}
    delete_all(session, environment, plan, kept, "every stack is declared", timeout=timeout)
