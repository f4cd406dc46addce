"""`provisimus users …`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from provisimus.cli.group import Group
from provisimus.cli.names import machine_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table


@click.group(cls=Group)
def users() -> None:
    """Users of machines: who may log in, and by which SSH keys."""


@users.command("list")
@click.option("--offline", is_flag=True, help="Ask no cloud which instances run.")
@with_session(env=True)
def list_(session: Session, offline: bool) -> None:
    """List the users that machines declare, each with its keys, and which instances have them.

    An instance has the users that its machine image was baked with.

    \b
    Examples:
      provisimus users list
      provisimus users list --env production --json
      provisimus users list --offline
    """
    from provisimus.tasks.list_instances import list_instances
    from provisimus.tasks.users import list_users

    workspace = session.workspace
    running = [] if offline else list_instances(session.open(), workspace.name)
    found = list_users(workspace, session.env, running)
    rows = [
        (
            each.machine,
            each.user,
            "sudo" if each.sudo else "-",
            each.expires or "-",
            each.key,
            each.comment or "-",
            " ".join(each.services) or "-",
            " ".join(each.instances) or "-",
        )
        for each in found
    ]
    head = ["machine", "user", "may", "expires", "key", "comment", "services", "instances"]
    session.emit([asdict(each) for each in found], table(head, rows) if rows else "no user")


@users.command()
@click.argument("old", metavar="KEY")
@click.option(
    *("--to", "new"),
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="The file with the new public key.",
)
@click.option(
    *("--machine", "-m", "machines"),
    multiple=True,
    help="In this machine's definition only; may be given again.",
    shell_complete=machine_names,
)
@with_session(env=True, yes=True, dry_run=True)
def rotate(session: Session, old: str, new: Path, machines: tuple[str, ...]) -> None:
    """Replace an SSH key in the definitions of machines, and say what must be rolled out.

    KEY is a fingerprint (SHA256:…) or the key's comment, as `users list` shows them. The old key is
    on a machine until its service is released again.

    \b
    Examples:
      provisimus users rotate ada@acme --to ~/.ssh/new.pub --dry-run
      provisimus users rotate ada@acme --to ~/.ssh/new.pub --machine greeter --yes
    """
    from provisimus.tasks.users import plan_rotation, write_rotation

    text = new.read_text(encoding="utf-8", errors="replace")
    changes = plan_rotation(session.workspace, session.env, old, text, machines)
    services = sorted({name for each in changes for name in each.services})
    data = {
        "files": [
            {"machine": e.machine, "path": str(e.path), "users": e.users, "services": e.services}
            for e in changes
        ],
        "release": services,
        "written": not session.dry_run,
    }
    lines = [f"{each.path}: the key of {', '.join(each.users)}" for each in changes]
    after = f"release again, in each environment: {' '.join(services)}" if services else ""
    if session.dry_run:
        session.emit(data, "\n".join([*lines, "would be replaced", *([after] if after else [])]))
        return
    if not session.json:
        click.echo("\n".join(lines), err=True)
    session.confirm(f"Replace the key in {len(changes)} definitions?")
    write_rotation(changes)
    session.emit(data, "\n".join(["the key is replaced", *([after] if after else [])]))
