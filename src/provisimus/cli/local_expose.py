"""`provisimus local expose`: let machines reach a port of this computer."""

from __future__ import annotations

import click

from provisimus.cli.local_place import local_cloud
from provisimus.cli.session import Session, with_session


@click.command()
@click.argument("port", type=click.IntRange(1, 65535))
@with_session()
def expose(session: Session, port: int) -> None:
    """Let machines of the local cloud reach PORT of this computer's loopback.

    They find it at the second address of their subnet (10.0.1.2 in 10.0.1.0/24), if a route leads
    them out and their security groups let HTTPS leave, as for anything on the internet. It is over
    when the local cloud stops.

    \b
    Examples:
      provisimus local expose 5432
      provisimus local expose 9200 --json
    """
    cloud, _ = local_cloud(session)
    made = cloud.command("POST", f"ports/{port}")
    session.emit(made, f"machines reach port {port} at the second address of their subnet")
