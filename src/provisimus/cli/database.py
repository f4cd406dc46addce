"""`provisimus database …`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.group import Group
from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session

if TYPE_CHECKING:
    from provisimus.tasks.passwords import PasswordUsers


@click.group(cls=Group)
def database() -> None:
    """Databases that stacks of type database declare."""


@database.command()
@click.argument("name", shell_complete=service_names)
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def rotate(session: Session, name: str, timeout: float | None) -> None:
    """Have RDS give the database NAME another password now, and say which services use it.

    The old one opens no new connection from then on. The machines of services that name the
    database take the new one over by themselves, and start their main container anew for it.

    \b
    Examples:
      provisimus database rotate orders-db --dry-run
      provisimus database rotate orders-db --env production --yes
    """
    from provisimus.machines.units_stack import LATEST
    from provisimus.stacks.follow import Deadline
    from provisimus.tasks.passwords import (
        check_rotation,
        database_stack,
        find_password,
        find_users,
        rotate_password,
    )

    environment, workspace = session.open(), session.workspace
    stack = database_stack(workspace, environment, name)
    users = find_users(environment, stack, workspace.name, name)
    before = find_password(environment, stack.outputs["DatabaseId"])
    check_rotation(before)
    data = {
        "database": name,
        "instance": before.instance,
        "secret": before.secret,
        "machines": users.machines,
        "others": users.others,
        "within": LATEST,
        "rotated": False,
    }
    told = users_told(users, LATEST)
    if session.dry_run:
        lines = [f"the password of {name} ({before.instance}) would be rotated", *told]
        session.emit(data, "\n".join(lines))
        return
    if not session.json:
        click.echo("\n".join(told), err=True)
    session.confirm(f"Rotate the password of {name} in {session.env}?")
    rotate_password(environment, before, session.tell, Deadline.after(timeout))
    text = "\n".join([f"the password of {name} is another one now", *told])
    session.emit({**data, "rotated": True}, text)


def users_told(users: PasswordUsers, seconds: int) -> list[str]:
    """What becomes of those who use the password, a line each. Pure."""
    lines = []
    if users.machines:
        names = ", ".join(users.machines)
        lines.append(f"taken over within {seconds // 60} minutes, by a restart each: {names}")
    if users.others:
        lines.append(f"to be seen to by hand, for no machine asks again: {', '.join(users.others)}")
    return lines or ["no stack of this project takes it; whoever else has it needs the new one"]
