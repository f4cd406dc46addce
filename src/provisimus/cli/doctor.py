"""`provisimus doctor`."""

from __future__ import annotations

import os
from dataclasses import asdict

import click

from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault

MARKS = {"ok": "ok", "missing": "MISSING", "optional": "-"}


@click.command()
@with_session(env=True)
def doctor(session: Session) -> None:
    """Check tools, engine, acceleration and credentials. Starts nothing.

    Exit code 1 when something is missing that the environment of --env needs.

    \b
    Examples:
      provisimus doctor
      provisimus doctor --env staging
    """
    from provisimus.tasks.doctor import ROOT, examine, healthy

    try:
        workspace = session.workspace
    except UsageFault:
        workspace = None
    checks = examine(workspace, session.env)
    rows = [(MARKS[each.state], each.name, each.found, each.needed_for) for each in checks]
    lines = [table(["", "what", "found", "needed for"], rows)]
    hints = [f"{each.name}: {each.hint}" for each in checks if each.hint and each.state != "ok"]
    if hints:
        lines += ["", "What to do:", *(f"  {hint}" for hint in hints)]
    who = "this is root" if os.geteuid() == 0 else "this is not root"
    lines += ["", f"Needs root ({who}):", *(f"  {each.what}: {each.why}" for each in ROOT)]
    sound = healthy(checks)
    data = {
        "healthy": sound,
        "checks": [asdict(each) for each in checks],
        "root": {"is_root": os.geteuid() == 0, "needed_for": [asdict(each) for each in ROOT]},
    }
    session.emit(data, "\n".join(lines))
    if not sound:
        click.get_current_context().exit(1)
