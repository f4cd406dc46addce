"""`provisimus volume …`."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.group import Group
from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.cli.volume_grow import grow


@click.group(cls=Group)
def volume() -> None:
    """Data volumes of services."""


volume.add_command(grow)


@volume.command("list")
@click.argument("service", required=False, shell_complete=service_names)
@with_session(env=True)
def list_(session: Session, service: str | None) -> None:
    """List the data volumes of this project, or of one SERVICE.

    \b
    Examples:
      provisimus volume list
      provisimus volume list greeter --env production --json
    """
    from provisimus.tasks.volumes import list_volumes

    found = list_volumes(session.open(), session.workspace.name, service)
    head = ["volume", "service", "mount", "state", "GiB", "kind", "used by"]
    rows = [
        (e.volume_id, e.service, e.mount, e.state, str(e.size), e.kind, e.used_by or "-")
        for e in found
    ]
    text = table(head, rows) if rows else "no data volume"
    if bare := [each.volume_id for each in found if not each.encrypted]:
        text += f"\nnot encrypted: {', '.join(bare)}"
    session.emit([asdict(each) for each in found], text)
