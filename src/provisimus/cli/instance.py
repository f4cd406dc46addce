"""`provisimus instance …`."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.group import Group
from provisimus.cli.instance_power import reboot, start, stop
from provisimus.cli.instance_resize import resize
from provisimus.cli.instance_sessions import exec_, ssh
from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table


@click.group(cls=Group)
def instance() -> None:
    """Instances: list them, go onto them, read what they say, start and stop them."""


for _command in (ssh, exec_, start, stop, reboot, resize):
    instance.add_command(_command)


@instance.command("list")
@click.argument("service", required=False, shell_complete=service_names)
@with_session(env=True)
def list_(session: Session, service: str | None) -> None:
    """List the instances of this project, or of one SERVICE.

    \b
    Examples:
      provisimus instance list
      provisimus instance list greeter --env staging --json
    """
    from provisimus.tasks.list_instances import list_instances

    found = list_instances(session.open(), session.workspace.name, service)
    head = ["instance", "service", "version", "state", "type", "public", "private", "since"]
    rows = [
        tuple("-" if value is None else value for value in asdict(each).values()) for each in found
    ]
    session.emit([asdict(each) for each in found], table(head, rows) if rows else "no instance")


@instance.command()
@click.argument("what", metavar="INSTANCE|ADDRESS|SERVICE", shell_complete=service_names)
@click.option("--lines", "-n", default=50, show_default=True, help="How many last lines.")
@with_session(env=True)
def console(session: Session, what: str, lines: int) -> None:
    """Show what an instance said on its serial console.

    \b
    Examples:
      provisimus instance console greeter
      provisimus instance console i-0123456789abcdef0 --lines 200
    """
    from provisimus.console import console_of
    from provisimus.release.lineage import find_traced

    environment = session.open()
    found = find_traced(environment, session.workspace, what)
    tail = console_of(environment, found["InstanceId"])[-lines:]
    session.emit({"instance": found["InstanceId"], "lines": tail}, "\n".join(tail))
