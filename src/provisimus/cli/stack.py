"""`provisimus stack …`."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provisimus.cli.group import Group
from provisimus.cli.names import service_names, stack_types
from provisimus.cli.session import Session, with_session
from provisimus.cli.stack_adopt import adopt
from provisimus.cli.stack_care import drift, protect, prune
from provisimus.cli.stack_changes import allow_option, apply, check_allowed, delete
from provisimus.cli.stack_found import find_stack_of
from provisimus.cli.stack_parameters import parameters
from provisimus.cli.stack_state import diagnose, status
from provisimus.cli.stack_ways import cancel, unstick, watch
from provisimus.cli.table import table
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.stacks.follow import StackEvent


@click.group(cls=Group)
def stack() -> None:
    """Stacks: plan, apply, delete and look at them."""


for _command in (
    apply,
    delete,
    status,
    diagnose,
    watch,
    cancel,
    unstick,
    drift,
    protect,
    prune,
    adopt,
    parameters,
):
    stack.add_command(_command)


@stack.command()
@click.argument("name", required=False, shell_complete=stack_types)
@click.option(
    *("--parameters", "described"), is_flag=True, help="Every key of the type, with what it means."
)
@click.option("--schema", is_flag=True, help="Its JSON schema, for editors.")
@with_session()
def types(session: Session, name: str | None, described: bool, schema: bool) -> None:
    """List the stack types; with a NAME, print an annotated example of it.

    Those of the company are found in the workspace's folder stack_types and in installed packages.

    \b
    Examples:
      provisimus stack types
      provisimus stack types service > stacks/greeter.yaml
      provisimus stack types network --parameters
      provisimus stack types network --schema > network.schema.json
    """
    from provisimus.stacks.types import all_types, find_type
    from provisimus.workspace.described import parameters_of, schema_of

    root = session.root
    if name is None:
        if described or schema:
            raise UsageFault("which type?", hint="name one: provisimus stack types network")
        found = all_types(root).values()
        rows = [(each.name, each.summary) for each in found]
        session.emit(
            [
                {
                    "name": each.name,
                    "summary": each.summary,
                    "parameters": [asdict(one) for one in parameters_of(each.definition)],
                }
                for each in found
            ],
            table(["type", "what it is"], rows)
            + "\n\nits keys: provisimus stack types NAME --parameters",
        )
        return
    kind = find_type(name, root)
    if schema:
        click.echo(json.dumps(schema_of(kind.definition), indent=2))
        return
    told = [one for one in parameters_of(kind.definition) if one.key != "type"]
    lines = [(one.key, one.kind, one.default or "needed", one.doc) for one in told]
    session.emit(
        {
            "name": kind.name,
            "summary": kind.summary,
            "example": kind.example,
            "parameters": [asdict(one) for one in told],
        },
        table(["key", "takes", "default", "what it is"], lines)
        if described
        else kind.example.rstrip(),
    )


@stack.command()
@click.argument("service", shell_complete=service_names)
@with_session(env=True)
def template(session: Session, service: str) -> None:
    """Print the CloudFormation template of a SERVICE: YAML, or JSON with --json.

    \b
    Examples:
      provisimus stack template greeter
      provisimus stack template greeter --env production --json
    """
    from provisimus.stacks.plan import preview
    from provisimus.stacks.template import yaml_of

    made = preview(session.workspace, session.open(), service)
    session.emit(made, yaml_of(made).rstrip())


@stack.command()
@click.argument("services", metavar="SERVICE[@VERSION]...", nargs=-1, shell_complete=service_names)
@click.option("--all", "every", is_flag=True, help="Every stack of the workspace.")
@click.option("--exit-code", is_flag=True, help="Exit with 4 when there is something to do.")
@click.option("--drift", is_flag=True, help="Compare with what is really there, too.")
@allow_option
@click.option(
    "--change-set/--no-change-set",
    default=True,
    help="Ask CloudFormation by a change set, which is removed again (default).",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save it, for stack apply --plan.",
)
@with_session(env=True)
def plan(
    session: Session,
    services: tuple[str, ...],
    every: bool,
    exit_code: bool,
    drift: bool,
    allow: tuple[str, ...],
    change_set: bool,
    out: Path | None,
) -> None:
    """Show what `stack apply` would do, and why. Starts nothing and changes no resource.

    Tells of each resource its values before and after, and what the change means for those who use
    it; what is opened and closed stands apart. What holds data and would be replaced or deleted
    stops the plan (5), unless --allow names it. Many are planned side by side.

    \b
    Examples:
      provisimus stack plan greeter@1.0.1
      provisimus stack plan --all --env production
      provisimus stack plan greeter --drift            what was changed by hand
      provisimus stack plan greeter --exit-code        4 when there is something to do
      provisimus stack plan greeter --out plan.json    for stack apply --plan plan.json
    """
    from provisimus.cli.stack_plans import Asked, all_names, show_plans

    if every == bool(services):
        raise UsageFault("which stacks?", hint="name some, or say --all")
    names = all_names(session) if every else list(dict.fromkeys(services))
    check_allowed(names, allow)
    show_plans(session, names, Asked(allow, change_set, drift), exit_code=exit_code, out=out)


@stack.command("list")
@with_session(env=True)
def list_(session: Session) -> None:
    """List the stacks of this project in an environment.

    \b
    Examples:
      provisimus stack list
      provisimus stack list --env production --json
    """
    from provisimus.stacks.live import MACHINE, SERVICE, VERSION, list_stacks

    found = list_stacks(session.open(), session.workspace.name)
    rows = [
        (
            each.tags.get(SERVICE, "unknown"),
            each.tags.get(VERSION, "unknown" if MACHINE in each.tags else "-"),
            each.status,
            each.outputs.get("Url", "-"),
            each.name,
        )
        for each in found
    ]
    text = table(["service", "version", "status", "url", "stack"], rows) if rows else "no stack"
    session.emit([asdict(each) for each in found], text)


@stack.command()
@click.argument("service", shell_complete=service_names)
@with_session(env=True)
def outputs(session: Session, service: str) -> None:
    """Show the outputs of a SERVICE's stack.

    \b
    Examples:
      provisimus stack outputs greeter
      provisimus stack outputs greeter --json
    """
    _, found = find_stack_of(session, service)
    session.emit(found.outputs, table(["output", "value"], sorted(found.outputs.items())))


@stack.command()
@click.argument("service", shell_complete=service_names)
@click.option("--lines", "-n", default=50, show_default=True, help="How many last events.")
@click.option("--follow", "-f", is_flag=True, help="Go on until the stack rests.")
@with_session(env=True)
def events(session: Session, service: str, lines: int, follow: bool) -> None:
    """Show the events of a SERVICE's stack, oldest first; with --follow, as they come.

    \b
    Examples:
      provisimus stack events greeter --follow
      provisimus stack events greeter --lines 10 --json
    """
    from itertools import islice

    from provisimus.events import silence
    from provisimus.stacks import follow as following
    from provisimus.stacks.live import state_of

    if follow and session.json:
        raise UsageFault("--follow and --json do not go together", hint="leave one of them out")
    environment, found = find_stack_of(session, service)
    known = list(islice(following.events_of(environment, found.stack_id), lines))[::-1]
    session.emit([asdict(each) for each in known], "\n".join(map(_line, known)))
    # It may have come to rest between the two questions.
    over = bool(known) and following.ended(known[-1])
    if follow and state_of(found.status) == "busy" and not over:
        following.follow(
            environment,
            found.stack_id,
            known[-1].event_id if known else None,
            silence,
            step=found.name,
            service=service,
            deadline=following.Deadline.after(None),
            on_event=lambda event: click.echo(_line(event)),
        )


def _line(event: StackEvent | Any) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(event.time))}  {event.line}"
