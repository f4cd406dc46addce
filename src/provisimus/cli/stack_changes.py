"""`provisimus stack apply` and `delete`: one stack, or many in the order of what they use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisimus.cli.names import service_names
from provisimus.cli.release import carry_out
from provisimus.cli.session import Session, with_session
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.environment import Environment

allow_option = click.option(
    *("--allow", "allow"),
    multiple=True,
    metavar="RESOURCE",
    help="A resource with data that may be replaced or deleted, by its logical id.",
)


@click.command()
@click.argument("services", metavar="SERVICE[@VERSION]...", nargs=-1, shell_complete=service_names)
@click.option("--all", "every", is_flag=True, help="Every stack of the workspace.")
@click.option(
    *("--plan", "saved"),
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Do what this saved plan says; refuse (5) when anything moved since.",
)
@allow_option
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for each stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def apply(
    session: Session,
    services: tuple[str, ...],
    every: bool,
    saved: Path | None,
    allow: tuple[str, ...],
    timeout: float | None,
) -> None:
    """Bring the stack of a SERVICE to what is declared, with all that it is made of.

    Goes through a change set, tells its events, waits until the service answers. Of many, each
    begins as soon as what it uses is done; what uses one that failed is not touched.

    \b
    Examples:
      provisimus stack apply greeter@1.0.0
      provisimus stack apply greeter --env staging --yes --timeout 900
      provisimus stack apply main catalog-db catalog
      provisimus stack apply --all --env local --yes
      provisimus stack apply --plan plan.json --env staging
    """
    from provisimus.cli.stack_plans import Asked, all_names, show_plans

    if bool(services) + every + (saved is not None) != 1:
        raise UsageFault("which stacks?", hint="name some, or say --all, or --plan FILE")
    if saved is not None:
        from provisimus.cli.saved_plans import apply_saved

        apply_saved(session, saved, timeout=timeout)
        return
    names = all_names(session) if every else list(services)
    if session.dry_run or not names:
        show_plans(session, names, Asked(allow), exit_code=False)
    elif services and len(names) == 1:
        carry_out(session, names[0], timeout=timeout, allow=frozenset(allow))
    else:
        from provisimus.cli.stack_applies import apply_many

        apply_many(session, names, timeout=timeout, allow=frozenset(allow))


@click.command()
@click.argument("service", shell_complete=service_names)
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def delete(session: Session, service: str, timeout: float | None) -> None:
    """Delete the stack of a SERVICE. Each data volume leaves a snapshot.

    \b
    Examples:
      provisimus stack delete greeter --dry-run
      provisimus stack delete greeter --env staging --yes
    """
    from provisimus.release import one_at_a_time
    from provisimus.stacks.delete import delete_stack, plan_delete

    workspace = session.workspace
    with one_at_a_time(workspace, session.env, service, session.run):
        environment = session.open()
        names = _members(session, environment, service) or [service]
        found = {name: plan_delete(environment, workspace.name, name) for name in names}
        kept = [each for _, volumes in found.values() for each in volumes]
        stays = f"a snapshot of {', '.join(kept)} stays" if kept else "no data is kept"
        stacks = ", ".join(each.name for each, _ in found.values())
        data = {"stack": stacks, "snapshots_of": kept, "deleted": not session.dry_run}
        are = "are" if len(found) > 1 else "is"
        if session.dry_run:
            session.emit(data, f"{stacks} would be deleted; {stays}")
            return
        session.confirm(f"Delete {stacks} in {session.env}? {stays}.")
        for name, (each, _) in found.items():
            delete_stack(environment, each, name, session.tell, session.run, timeout=timeout)
    session.emit(data, f"{stacks} {are} deleted; {stays}")


def _members(session: Session, environment: Environment, service: str) -> list[str]:
    """The members of a cluster that are there, the last first; none of any other stack."""
    from provisimus.stacks import find_stack, stack_name

    workspace = session.workspace
    if not workspace.has_service(service):
        return []
    return [
        name
        for name in reversed(workspace.members(service, session.env))
        if find_stack(environment, stack_name(workspace.name, session.env, name))
    ]
