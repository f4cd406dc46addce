"""`provisimus snapshot restore`."""

from __future__ import annotations

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session


@click.command()
@click.argument("snapshot")
@click.option("--service", required=True, shell_complete=service_names, help="Whose volume it is.")
@click.option("--mount", metavar="FOLDER", help="Of the volume, where the service has several.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for the stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def restore(
    session: Session, snapshot: str, service: str, mount: str | None, timeout: float | None
) -> None:
    """Put a SERVICE back on the data of a SNAPSHOT: a new volume of it, and an instance with it.

    Nothing is lost: of the volume that goes a snapshot stays, with all that was written to it until
    the old instance stopped. The service's file names the snapshot from then on.

    \b
    Examples:
      provisimus snapshot restore snap-0123456789abcdef0 --service greeter --dry-run
      provisimus snapshot restore snap-0123456789abcdef0 --service greeter --env production --yes
    """
    from provisimus.cli.definition_change import change_definition, file_of
    from provisimus.errors import UsageFault
    from provisimus.tasks.edits import restored
    from provisimus.tasks.restore import check_snapshot, going_volume
    from provisimus.tasks.volumes import chosen_volume, find_snapshot, list_volumes
    from provisimus.workspace.definitions.stacks.service import ServiceDefinition

    path = file_of(session, service)
    definition = session.workspace.stack(service, session.env)
    if not isinstance(definition, ServiceDefinition):
        raise UsageFault(
            f"{service} is of type {definition.type}; a snapshot is one volume's, of one service",
            where=str(path),
            hint="only stacks of type service are put back on a snapshot",
        )
    environment, project = session.open(), session.workspace.name
    chosen = chosen_volume(list_volumes(environment, project, service), service, mount)
    found = find_snapshot(environment, snapshot)
    check_snapshot(found, chosen)
    change_definition(
        session,
        service,
        lambda text: restored(text, session.env, chosen.mount, snapshot, found.size),
        remark=f"of {chosen.volume_id} ({chosen.mount}) a snapshot stays when it goes: "
        f"provisimus snapshot list {service}",
        timeout=timeout,
        # That this one goes is what was asked for.
        allow=frozenset({going_volume(definition, chosen.mount)}),
    )
