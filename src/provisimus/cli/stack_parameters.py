"""`provisimus stack parameters`: what a stack is made with in an environment."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table


@click.command()
@click.argument("service", shell_complete=service_names)
@click.option("--origins", is_flag=True, help="Tell of each where it comes from: file and line.")
@with_session(env=True)
def parameters(session: Session, service: str, origins: bool) -> None:
    """Show what the stack of a SERVICE is made with in an environment; asks no cloud.

    With --origins, each value has the line that gives it: of the definition, of its part for the
    environment, of provisimus.yaml; or else what it comes from: the type's default, another stack,
    the machine image. What refers to a secret is shown as it refers; no secret is.

    \b
    Examples:
      provisimus stack parameters greeter
      provisimus stack parameters greeter --env production --origins
      provisimus stack parameters greeter --origins --json
    """
    from provisimus.stacks.origins import parameters_with_origins

    workspace = session.workspace
    workspace.environment(session.env)
    found = parameters_with_origins(workspace, session.env, service)
    head = ["parameter", "value", *(["origin"] if origins else [])]
    rows = [(each.key, each.value, each.origin)[: len(head)] for each in found]
    data = [asdict(each) if origins else {"key": each.key, "value": each.value} for each in found]
    session.emit(data, table(head, rows))
