"""`provisimus snapshot …`."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.group import Group
from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.snapshot_restore import restore
from provisimus.cli.table import table


@click.group(cls=Group)
def snapshot() -> None:
    """Snapshots of data volumes."""


snapshot.add_command(restore)


@snapshot.command("list")
@click.argument("service", required=False, shell_complete=service_names)
@with_session(env=True)
def list_(session: Session, service: str | None) -> None:
    """List the snapshots of this project's data volumes, or of one SERVICE's, newest first.

    \b
    Examples:
      provisimus snapshot list
      provisimus snapshot list greeter --env production --json
    """
    from provisimus.tasks.volumes import list_snapshots

    found = list_snapshots(session.open(), session.workspace.name, service)
    head = ["snapshot", "service", "mount", "state", "GiB", "taken", "by"]
    rows = [
        (e.snapshot_id, e.service, e.mount, e.state, str(e.size), e.taken, e.policy) for e in found
    ]
    session.emit([asdict(each) for each in found], table(head, rows) if rows else "no snapshot")


@snapshot.command()
@click.argument("service", shell_complete=service_names)
@click.option("--mount", metavar="FOLDER", help="Of the volume, where the service has several.")
@click.option("--note", default="by hand", show_default=True, help="What it says of itself.")
@with_session(env=True, dry_run=True)
def create(session: Session, service: str, mount: str | None, note: str) -> None:
    """Take a snapshot of a SERVICE's data volume, as it is at this moment.

    What the service holds in memory is not in it; a machine that declares `quiesce` takes its own.

    \b
    Examples:
      provisimus snapshot create greeter
      provisimus snapshot create shop --mount /data --note "before the import"
    """
    from provisimus.tasks.volumes import chosen_volume, list_volumes, take_snapshot

    environment, project = session.open(), session.workspace.name
    chosen = chosen_volume(list_volumes(environment, project, service), service, mount)
    data = {"volume": chosen.volume_id, "mount": chosen.mount, "snapshot": None}
    if session.dry_run:
        session.emit(data, f"a snapshot of {chosen.volume_id} ({chosen.mount}) would be taken")
        return
    made = take_snapshot(environment, project, chosen, note)
    session.emit({**data, "snapshot": made}, f"{made} of {chosen.volume_id} ({chosen.mount})")


@snapshot.command()
@click.argument("service", required=False, shell_complete=service_names)
@click.option("--keep", type=click.IntRange(0), required=True, help="How many of each volume stay.")
@with_session(env=True, yes=True, dry_run=True)
def prune(session: Session, service: str | None, keep: int) -> None:
    """Delete old snapshots that were taken by hand or when a stack was deleted.

    Those that a policy takes are the policy's to remove; those that a volume of this workspace is
    made of stay.

    \b
    Examples:
      provisimus snapshot prune --keep 3 --dry-run
      provisimus snapshot prune greeter --keep 0 --env staging --yes
    """
    from provisimus.tasks.volumes import (
        list_snapshots,
        named_snapshots,
        remove_snapshots,
        surplus,
    )

    environment, workspace = session.open(), session.workspace
    named = named_snapshots(workspace, session.env)
    going = surplus(list_snapshots(environment, workspace.name, service), keep, named)
    data = [asdict(each) for each in going]
    lines = [f"delete {e.snapshot_id}  {e.service} {e.mount}  {e.taken}" for e in going]
    if not going or session.dry_run:
        session.emit(data, "\n".join(lines) or "nothing to delete")
        return
    if not session.json:
        click.echo("\n".join(lines), err=True)
    session.confirm(f"Delete {len(going)} snapshots in {session.env}?")
    remove_snapshots(environment, going)
    session.emit(data, f"{len(going)} snapshots are deleted")
