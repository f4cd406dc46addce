"""`provisimus instance resize`."""

from __future__ import annotations

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session


@click.command()
@click.argument("service", shell_complete=service_names)
@click.option("--type", "-t", "instance_type", required=True, help="The new instance type.")
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for the stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def resize(session: Session, service: str, instance_type: str, timeout: float | None) -> None:
    """Give a SERVICE instances of another type: its file is changed, and its stack follows.

    The type is written for this environment alone. The instance stops and starts; one that does
    not answer afterwards becomes what it was, and the file too.

    \b
    Examples:
      provisimus instance resize greeter --type t3.medium --dry-run
      provisimus instance resize greeter --type m6i.large --env production --yes
    """
    from provisimus.cli.definition_change import (
        change_definition,
        check_of_all,
        file_of,
        running_of,
    )
    from provisimus.errors import UsageFault
    from provisimus.tasks.edits import resized
    from provisimus.tasks.sizes import check_type

    path = file_of(session, service)
    check_of_all(session, service)
    definition = session.workspace.stack(service, session.env)
    if not hasattr(definition, "instance_type"):
        raise UsageFault(f"{service} is of type {definition.type}: no instances", where=str(path))
    environment, instance = running_of(session, service)
    check_type(environment, instance_type, instance)
    change_definition(
        session,
        service,
        lambda text: (
            text
            if definition.instance_type == instance_type
            else resized(text, session.env, instance_type)
        ),
        timeout=timeout,
    )
