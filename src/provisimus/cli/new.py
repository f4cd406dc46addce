"""`provisimus new …`."""

from __future__ import annotations

import re

import click

from provisimus.cli.names import machine_names, stack_types
from provisimus.cli.session import Session, with_session
from provisimus.errors import Conflict, UsageFault


@click.group()
def new() -> None:
    """Files to begin with, annotated."""


@new.command()
@click.argument("name")
@click.option(
    *("--type", "kind"), default="service", show_default=True, shell_complete=stack_types,
    metavar="TYPE", help="The stack type; `stack types` lists them.",
)  # fmt: skip
@click.option("--machine", shell_complete=machine_names, help="What it runs (default: NAME).")
@with_session()
def service(session: Session, name: str, kind: str, machine: str | None) -> None:
    """Write stacks/NAME.yaml with every key of its type that one begins with.

    \b
    Examples:
      provisimus new service greeter
      provisimus new service main --type network
      provisimus new service cache --type cluster --machine hazelcast
    """
    from provisimus.files import replacing
    from provisimus.stacks.types import find_type
    from provisimus.workspace.definitions.common import checked_name
    from provisimus.workspace.definitions.stack import MachineStack

    workspace = session.workspace
    found = find_type(kind, workspace.root)
    try:
        checked_name(name)
    except ValueError as error:
        raise UsageFault(str(error)) from None
    text = found.example
    if issubclass(found.definition, MachineStack):
        text = _with_machine(session, text, machine or name)
    elif machine is not None:
        raise UsageFault(f"a {kind} runs no machine", hint="leave --machine out")
    files = {f"{name}.yaml": text, **found.files}
    for path in files:
        if (workspace.stacks / path).exists():
            raise Conflict(f"stacks/{path} is there already", where=str(workspace.stacks / path))
    for path, content in files.items():
        (workspace.stacks / path).parent.mkdir(parents=True, exist_ok=True)
        with replacing(workspace.stacks / path) as temporary:
            temporary.write_text(content, encoding="utf-8")
    written = [f"stacks/{path}" for path in files]
    session.emit({"written": written}, "\n".join(written))


def _with_machine(session: Session, text: str, machine: str) -> str:
    known = session.workspace.machines()
    if machine not in known:
        raise UsageFault(
            f"there is no machine {machine!r}",
            hint="name one with --machine: " + ", ".join(known) if known else "make one in packer/",
        )
    return re.sub(r"(?m)^machine: \S+", f"machine: {machine}", text, count=1)
