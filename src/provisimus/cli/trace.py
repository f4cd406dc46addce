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

    Of a group or a cluster, every instance. Read from tags in the account and labels in the
    registry; what is not known is "unknown".

    \b
    Examples:
      provisimus trace i-0123456789abcdef0
      provisimus trace greeter --env production --json
    """
    from provisimus.release.lineage import as_tree, trace_service
    from provisimus.release.lineage import trace as look

    workspace, environment = session.workspace, session.open()
    if several := workspace.with_several(what, session.env):
        found = trace_service(environment, workspace.name, several)
        session.emit([asdict(each) for each in found], "\n\n".join(map(as_tree, found)))
        return
    lineage = look(environment, workspace, what)
    session.emit(asdict(lineage), as_tree(lineage))
