"""`provisimus machine list`: the machine images of an environment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from provisimus.cli.names import machine_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table

if TYPE_CHECKING:
    from provisimus.machines.details import Details

HEAD = (
    *("machine", "version", "image", "fingerprint", "created", "healthy after"),
    *("size", "copies in", "shared with", "deprecated"),
)


@click.command("list")
@click.argument("name", metavar="[MACHINE]", required=False, shell_complete=machine_names)
@with_session(env=True)
def list_(session: Session, name: str | None) -> None:
    """List the machine images, newest first.

    What was never tested is in it; stacks and plans use tested ones only.

    \b
    Examples:
      provisimus machine list
      provisimus machine list greeter --json
    """
    from provisimus.machines.details import list_details

    found = list_details(session.open().cloud, session.workspace.name, name)
    text = table(HEAD, map(_row, found)) if found else "there is no machine image yet"
    session.emit([each.as_json() for each in found], text)


def _row(each: Details) -> tuple[str, ...]:
    from provisimus.machines.tags import HEALTHY_AFTER

    image = each.image
    healthy = f"{each.tag(HEALTHY_AFTER)} s" if each.tag(HEALTHY_AFTER) else "untested"
    return (
        *(image.machine, image.version, image.image_id),
        image.fingerprint.short if image.fingerprint else "unknown",
        image.created[:19],
        healthy if each.state == "available" else each.state,
        f"{each.size} GiB",
        " ".join(each.regions) or "-",
        " ".join(each.accounts) or "-",
        each.deprecated[:10] or "-",
    )
