"""`provisimus snapshot restore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.stacks.types.interface import Template


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
    the old instance stopped. The service's file names the snapshot from then on. Of a cluster, name
    the member: the others stay as they are.

    \b
    Examples:
      provisimus snapshot restore snap-0123456789abcdef0 --service greeter --dry-run
      provisimus snapshot restore snap-0123456789abcdef0 --service greeter --env production --yes
      provisimus snapshot restore snap-0123456789abcdef0 --service cache-2
    """
    from provisimus.cli.definition_change import change_definition, file_of
    from provisimus.errors import UsageFault
    from provisimus.tasks.edits import restored, restored_member
    from provisimus.tasks.restore import check_size, check_snapshot, declared_mount, volumes_at
    from provisimus.tasks.volumes import find_snapshot
    from provisimus.workspace.definitions.stacks.service import ServiceDefinition

    path = file_of(session, service)
    definition = session.workspace.stack(service, session.env)
    if not isinstance(definition, ServiceDefinition):
        members = ", ".join(session.workspace.members(service, session.env))
        raise UsageFault(
            f"{service} is of type {definition.type}; a snapshot is one volume's, of one service",
            where=str(path),
            hint=f"name the member: {members}"
            if members
            else "only services and members of clusters are put back on a snapshot",
        )
    environment, volumes = session.open(), definition.data_volumes
    chosen = declared_mount(volumes, service, mount)
    found = find_snapshot(environment, snapshot)
    check_snapshot(found, service, chosen)
    cluster = session.workspace.cluster_of(service)
    if cluster:
        check_size(found, volumes, chosen, cluster)

    def edit(text: str) -> str:
        if cluster:
            number = int(service.rpartition("-")[2])
            return restored_member(text, session.env, number, chosen, snapshot)
        return restored(text, session.env, chosen, snapshot, found.size)

    change_definition(
        session,
        service,
        edit,
        remark=f"of the volume at {chosen} a snapshot stays when it goes: "
        f"provisimus snapshot list {service}",
        timeout=timeout,
        # That this one goes is what was asked for.
        allow=volumes_at(_running(session, environment, service), chosen),
    )


def _running(session: Session, environment: Environment, service: str) -> Template:
    """The template of what there is now. Raises NotFound."""
    from provisimus.errors import NotFound
    from provisimus.stacks.live import find_stack, template_of
    from provisimus.stacks.names import name_of

    stack = find_stack(environment, name_of(session.workspace, session.env, service))
    if stack is None:
        raise NotFound(
            f"there is no stack of {service} in {session.env}",
            hint=f"write made_of into stacks/{service}.yaml; the first release takes it from there",
        )
    return template_of(environment, stack)
