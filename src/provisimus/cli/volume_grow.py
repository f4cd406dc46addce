"""`provisimus volume grow`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session


@click.command()
@click.argument("what", metavar="SERVICE|VOLUME", shell_complete=service_names)
@click.option("--to", "wanted", required=True, metavar="SIZE", help="For example: 40 GiB.")
@click.option("--mount", metavar="FOLDER", help="Of the volume, where the service has several.")
@click.option("--user", "-l", metavar="NAME", help="Of the machine; default: its first.")
@click.option(
    "--identity", "-i", type=click.Path(path_type=Path, dir_okay=False), help="A private key."
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for the stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def grow(
    session: Session,
    what: str,
    wanted: str,
    mount: str | None,
    user: str | None,
    identity: Path | None,
    timeout: float | None,
) -> None:
    """Grow a data volume while it is in use: its definition, the volume, and its file system.

    The new size is written into the service's file, so that its stack and the file agree.

    \b
    Examples:
      provisimus volume grow greeter --to "40 GiB" --dry-run
      provisimus volume grow greeter --to "40 GiB" --mount /data --env production --yes
      provisimus volume grow vol-0123456789abcdef0 --to "1 TiB"
    """
    from provisimus.cli.definition_change import change_definition, check_of_all, file_of
    from provisimus.tasks.edits import grown, grows_everywhere
    from provisimus.tasks.grow_volume import declared_volume, size_of
    from provisimus.tasks.volumes import list_volumes

    size, environment, project = size_of(wanted), session.open(), session.workspace.name
    service = what
    if what.startswith("vol-"):
        service, mount = declared_volume(list_volumes(environment, project), what)
        service = session.workspace.cluster_of(service) or service
    path = file_of(session, service)
    check_of_all(session, service)
    names = session.workspace.members(service, session.env) or [service]
    volumes = [each for each in list_volumes(environment, project) if each.service in names]
    chosen = _chosen(volumes, names, mount, size)
    everywhere = grows_everywhere(path.read_text(encoding="utf-8"), session.env)
    change_definition(
        session,
        service,
        lambda text: grown(text, session.env, chosen, size),
        remark=f"{path.name} says it for all environments: the others grow with their next change"
        if everywhere and len(session.workspace.project.environments) > 1
        else None,
        timeout=timeout,
        then=partial(
            _grow_file_systems, session, environment, volumes, chosen, size, user, identity
        ),
    )


def _chosen(volumes: list[Any], names: list[str], mount: str | None, size: int) -> str:
    """The mount that is meant. Raises NotFound, UsageFault, Refused for a smaller size."""
    from provisimus.tasks.grow_volume import check_larger
    from provisimus.tasks.volumes import chosen_volume

    found = [chosen_volume(volumes, name, mount) for name in names]
    for each in found:
        check_larger(each, size)
    return found[0].mount


def _grow_file_systems(
    session: Session,
    environment: Any,
    volumes: list[Any],
    mount: str,
    size: int,
    user: str | None,
    identity: Path | None,
) -> None:
    """On each instance that has the volume; where it cannot be done now, what will do it."""
    from provisimus.errors import ProvisimusError
    from provisimus.tasks.file_systems import grow_command, grow_file_system, why_not
    from provisimus.tasks.sessions import open_session, user_of

    for each in volumes:
        if each.mount != mount or each.used_by is None:
            continue
        login = user or user_of(session.workspace, each.service, session.env)
        command = grow_command(mount, size)
        try:
            argv = open_session(
                session.workspace, environment, each.used_by, login, identity, command
            )
            fault = grow_file_system(argv)
        except ProvisimusError as error:
            fault = why_not(error)
        click.echo(
            f"the file system of {mount} on {each.used_by} has grown"
            if fault is None
            else f"the file system of {mount} on {each.used_by} has not grown yet: {fault}; it "
            f"grows when the machine starts: provisimus instance stop {each.service}, then start",
            err=True,
        )
