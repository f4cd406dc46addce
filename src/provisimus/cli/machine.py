"""`provisimus machine …`: bake and inspect machine images."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.group import Group
from provisimus.cli.machine_diff import diff
from provisimus.cli.machine_list import list_
from provisimus.cli.machine_lock import lock
from provisimus.cli.machine_prune import prune
from provisimus.cli.machine_reap import reap
from provisimus.cli.machine_sbom import sbom
from provisimus.cli.machine_show import show
from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.model import MachineImage, Plan
    from provisimus.release import ReleasePlan


@click.group(cls=Group)
def machine() -> None:
    """Bake and inspect machine images (AMIs)."""


@machine.command()
@click.option("--exit-code", is_flag=True, help="End with 4 when there is something to do.")
@click.argument("target", metavar="SERVICE[@VERSION]", shell_complete=service_names)
@with_session(env=True)
def plan(session: Session, target: str, exit_code: bool) -> None:
    """Show what `machine bake` would do, and why.

    \b
    Examples:
      provisimus machine plan greeter@1.0.0
      provisimus machine plan greeter --exit-code      4 when there is something to do
    """
    wanted = _plan_release(session, session.open(), target).plan
    _show_plan(session, wanted)
    if exit_code and wanted.changes:
        click.get_current_context().exit(4)


@machine.command()
@click.argument("target", metavar="SERVICE[@VERSION]", shell_complete=service_names)
@click.option(
    "--debug",
    is_flag=True,
    help="When something fails on the machine, keep it and say how to enter.",
)
@with_session(env=True, dry_run=True, work=True)
def bake(session: Session, target: str, debug: bool) -> None:
    """Bake a machine image, with the container images that it needs.

    What exists under the same fingerprint is kept.

    \b
    Examples:
      provisimus machine bake greeter@1.0.0
      provisimus machine bake greeter@1.0.0 --env staging --events ndjson
    """
    from provisimus.release import execute
    from provisimus.workspace.commits import commits_of

    environment = session.open(start=not session.dry_run)
    wanted = _plan_release(session, environment, target)
    if session.dry_run:
        _show_plan(session, wanted.plan)
        return
    commits = commits_of(session.workspace)
    made = execute(wanted, environment, commits, session.tell, session.run, debug=debug)
    image = made.machine_image
    assert image is not None
    session.emit(_as_json(image), image.image_id)


for _command in (list_, show, diff, sbom, prune, lock, reap):
    machine.add_command(_command)


def _plan_release(session: Session, environment: Environment, target: str) -> ReleasePlan:
    from provisimus.model import ServiceVersion
    from provisimus.release import plan_release

    asked = ServiceVersion.parse(target)
    return plan_release(session.workspace, environment, asked, until="machine")


def _show_plan(session: Session, wanted: Plan) -> None:
    rows = [
        (step.stage, step.subject, step.action if step.needed else "keep", step.reason)
        for step in wanted.steps
    ]
    text = table(["stage", "subject", "action", "reason"], rows)
    session.emit(asdict(wanted), text)


def _as_json(image: MachineImage) -> dict[str, Any]:
    return {**asdict(image), "fingerprint": str(image.fingerprint) if image.fingerprint else None}
