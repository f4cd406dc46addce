"""`provisimus plan`, `release` and `history`: the whole chain."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisimus.cli.names import service_names
from provisimus.cli.session import Session, with_session
from provisimus.cli.table import table
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from provisimus.environment import Environment
    from provisimus.model import Plan, ServiceVersion
    from provisimus.release import ReleasePlan

CHANGES = 4
"""Exit code of a plan that found changes, with --exit-code."""


@click.command()
@click.argument("service", metavar="SERVICE[@VERSION]", shell_complete=service_names)
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something to do.")
@with_session(env=True)
def plan(session: Session, service: str, exit_code: bool) -> None:
    """Show what a release would do, and why. Changes and starts nothing.

    The output of --json can be kept, reviewed and given to `release --plan FILE`.

    \b
    Examples:
      provisimus plan greeter@1.0.1
      provisimus plan greeter@1.0.1 --env production --json > plan.json
    """
    show_plan(session, service, exit_code=exit_code)


def show_plan(session: Session, service: str, *, exit_code: bool) -> None:
    from provisimus.model import ServiceVersion
    from provisimus.release import plan_release

    asked = ServiceVersion.parse(service)
    made = plan_release(session.workspace, session.open(), asked).plan
    session.emit(as_data(made), as_text(made))
    if exit_code and made.changes:
        click.get_current_context().exit(CHANGES)


@click.command()
@click.argument("service", metavar="SERVICE[@VERSION]", shell_complete=service_names)
@click.option("--write", is_flag=True, help="Write the version into stacks/SERVICE.yaml after.")
@click.option(
    *("--plan", "saved"),
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Do only what this saved plan says; refuse when it no longer holds.",
)
@click.option("--timeout", type=float, metavar="SECONDS", help="Stop waiting for the stack after.")
@with_session(env=True, yes=True, dry_run=True, work=True)
def release(
    session: Session, service: str, write: bool, saved: Path | None, timeout: float | None
) -> None:
    """Take a service all the way: images, machine image, stack, until it answers.

    Only what is missing is made. In the local cloud nothing is asked.

    \b
    Examples:
      provisimus release greeter@1.0.1
      provisimus release greeter@1.0.1 --env production --yes --write
      provisimus plan greeter@1.0.1 --json > plan.json
      provisimus release greeter@1.0.1 --plan plan.json
    """
    check = None if saved is None else lambda made, _: _check_saved(saved, made.plan)
    carry_out(session, service, write=write, check=check, timeout=timeout)


def carry_out(
    session: Session,
    service: str,
    *,
    write: bool = False,
    check: Callable[[ReleasePlan, Environment], None] | None = None,
    timeout: float | None = None,
    allow: frozenset[str] = frozenset(),
    agreed: bool = False,
) -> None:
    """The chain for one service, as `release` and `stack apply` run it. `check` refuses a plan that
    is not the saved one; `allow` names what of the stack holds data and may go. What is `agreed`
    was shown and asked before."""
    from provisimus.model import ServiceVersion
    from provisimus.release import execute, one_at_a_time, plan_at_rest
    from provisimus.workspace.commits import commits_of

    asked = ServiceVersion.parse(service)
    workspace = session.workspace
    if session.dry_run:
        show_plan(session, service, exit_code=False)
        return
    # Faulty definitions and unknown names are found before a cloud is started for them.
    workspace.stack(asked.name, session.env)
    with one_at_a_time(workspace, session.env, asked.name, session.run):
        environment = session.open(start=True)
        made = plan_at_rest(workspace, environment, asked, session.tell, timeout=timeout)
        if check is not None:
            check(made, environment)
        if made.plan.changes and not agreed:
            place = environment.whose()
            asking = environment.local is None and not session.yes
            text = _in_full(session, made, environment, allow) if asking else as_text(made.plan)
            click.echo(f"{place}\n{text}", err=True)
            if asking:
                session.confirm(f"Change {place}?")
        released = execute(
            made,
            environment,
            commits_of(workspace),
            session.tell,
            session.run,
            timeout=timeout,
            allow=allow,
        )
        if write:
            _write_version(session, asked, made)
    stack = released.stack
    assert stack is not None
    from provisimus.stacks.instances import service_url

    url = service_url(environment, stack) or "unknown"
    version = made.plan.version
    text = f"{asked.name} {version} answers at {url}" if version else f"{stack.name} {stack.status}"
    if made.members:
        text = f"{asked.name} {version}: {len(made.members)} members, the first at {url}"
    session.emit(
        {
            "service": asked.name,
            "version": version,
            "environment": session.env,
            "stack": stack.name,
            "status": stack.status,
            "instance": stack.outputs.get("InstanceId"),
            "url": url,
            "image": released.machine_image.image_id if released.machine_image else None,
            "changed": made.plan.changes,
            "run": session.run,
        },
        text,
    )


def _in_full(
    session: Session, made: ReleasePlan, environment: Environment, allow: frozenset[str]
) -> str:
    """The plan down to values and ports, as `stack plan` tells it: for whoever has to say yes."""
    from provisimus.cli.stack_plans import Asked, reviewed, text_of

    seen = reviewed(made, environment, Asked(tuple(sorted(allow))), session.run)
    return text_of({made.plan.service: seen})


def as_data(plan: Plan) -> dict[str, object]:
    """The plan as --json prints it and --plan reads it."""
    return {**asdict(plan), "changes": plan.changes}


def as_text(plan: Plan) -> str:
    """The plan for people: each step, needed or not, with its reason."""
    rows = [
        (
            "+" if step.needed else "=",
            step.stage,
            step.subject,
            step.action if step.needed else "keep",
            step.reason,
        )
        for step in plan.steps
    ]
    head = f"{plan.service} {plan.version}".rstrip() + f" in {plan.environment}"
    needed = sum(step.needed for step in plan.steps)
    count = f"{needed} of {len(rows)} steps to do" if needed else "nothing to do"
    return f"{head}: {count}\n" + table(["", "stage", "what", "step", "why"], rows)


def _check_saved(path: Path, now: Plan) -> None:
    from provisimus.model import Plan
    from provisimus.release.execute import check_saved

    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        saved = Plan(
            data["service"],
            data["version"],
            data["environment"],
            (),
            data["fingerprints"],
            data["live"],
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UsageFault(
            f"{path} is no saved plan: {error}", hint="make one: provisimus plan SERVICE --json"
        ) from None
    check_saved(saved, now)


def _write_version(session: Session, asked: ServiceVersion, made: ReleasePlan) -> None:
    from provisimus.files import replacing
    from provisimus.release.declared import with_version

    path = session.workspace.stacks / f"{asked.name}.yaml"
    text = path.read_text(encoding="utf-8")
    with replacing(path) as temporary:
        temporary.write_text(with_version(text, made.plan.version, session.env), encoding="utf-8")


@click.command()
@click.option("--lines", "-n", default=20, show_default=True, help="How many runs.")
@click.option("--steps", is_flag=True, help="Show each run's steps.")
@with_session()
def history(session: Session, lines: int, steps: bool) -> None:
    """Show what was done in this workspace on this machine, newest first.

    \b
    Examples:
      provisimus history
      provisimus history --lines 1 --steps
    """
    from provisimus.release.history import read_history

    runs = read_history(session.workspace.state / "journal", lines)
    rows = []
    for run in runs:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.began))
        rows.append((run.run, when, f"{run.seconds} s", run.outcome, " ".join(run.command)))
        if steps:
            rows += [("", "", f"{each[2]:.1f} s", each[1], f"  {each[0]}") for each in run.steps]
    text = table(["run", "when", "took", "outcome", "command"], rows) if rows else "nothing yet"
    session.emit([{**asdict(run), "seconds": run.seconds} for run in runs], text)
