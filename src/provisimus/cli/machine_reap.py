"""`provisimus machine reap`: what killed bakes left in the cloud, shown and removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from provisimus.machines import Leftover


@click.command()
@click.option("--all-runs", is_flag=True, help="Also of runs that may be alive on other machines.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def reap(session: Session, all_runs: bool) -> None:
    """Remove what killed bakes left in the cloud: instances, volumes, keys, groups, half images.

    On the machine where a bake was killed at once, elsewhere when its time is over (four hours), or
    with --all-runs. An image that was baked and never tested is among it; to keep it, bake again.

    \b
    Examples:
      provisimus machine reap --dry-run
      provisimus machine reap --env staging --yes
    """
    from provisimus.machines.reap import find_temporary, forget_settled
    from provisimus.machines.reap import reap as remove

    environment = session.open()
    state = session.workspace.state
    found = find_temporary(environment, session.workspace.name, state, all_runs=all_runs)
    removable = [each for each in found if each.removable]
    text = _table(found) if found else "no bake left anything behind"
    if session.dry_run or not removable:
        if not session.dry_run:
            text = "\n".join([text, *_waiting(forget_settled(state))])
        session.emit([asdict(each) for each in found], text)
        return
    click.echo(text, err=True)
    session.confirm(f"Remove {_count(len(removable))}?")
    # A bake may have begun to use some of it while the question stood there.
    now = find_temporary(environment, session.workspace.name, state, all_runs=all_runs)
    asked = {(each.kind, each.id) for each in removable}
    still = [each for each in now if (each.kind, each.id) in asked]
    removed = remove(environment, still, state, session.tell)
    lines = [f"removed {_count(len(removed))}", *_waiting(forget_settled(state))]
    session.emit([asdict(each) for each in removed], "\n".join(lines))


def _table(found: Iterable[Leftover]) -> str:
    return table(
        ["kind", "id", "machine", "run", "remove", "reason"],
        [
            (*(each.kind, each.id, each.machine, each.run),
             *("yes" if each.removable else "no", each.reason))
            for each in found
        ],
    )  # fmt: skip


def _waiting(runs: Mapping[str, datetime]) -> list[str]:
    return [
        f"run {run} was killed while it made something; EC2 shows all of it by "
        f"{when:%H:%M} UTC: reap again then"
        for run, when in sorted(runs.items())
    ]


def _count(number: int) -> str:
    return f"{number} thing{'s' if number != 1 else ''}"
