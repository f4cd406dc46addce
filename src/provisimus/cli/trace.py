"""`provisimus trace`."""

from __future__ import annotations

from dataclasses import asdict

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session


@click.command()
@click.argument("what", metavar="INSTANCE|ADDRESS|SERVICE", shell_complete=service_names)
@with_session(env=True)
def trace(session: Session, what: str) -> None:
    """From an instance back to its commits: stack, machine image, images, artifacts.

    Read from tags in the account and labels in the registry; what is not known is "unknown".

    \b
    Examples:
      provisimus trace i-0123456789abcdef0
      provisimus trace greeter --env production --json
    """
    from provisimus.release.lineage import as_tree
    from provisimus.release.lineage import trace as look

    lineage = look(session.open(), session.workspace.name, what)
    session.emit(asdict(lineage), as_tree(lineage))
