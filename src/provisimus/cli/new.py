"""`provisimus new …`."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

import click

from provisimus.cli.group import Group
from provisimus.cli.names import machine_names, stack_types
from provisimus.cli.new_files import write_new
from provisimus.cli.session import Session, with_session
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.workspace import Workspace
    from provisimus.workspace.scaffold import Beginning


@click.group(cls=Group)
def new() -> None:
    """Files to begin with, annotated."""


@new.command()
@click.argument("name")
@click.option(
    *("--type", "kind"), default="service", show_default=True, shell_complete=stack_types,
    metavar="TYPE", help="The stack type; `stack types` lists them.",
)  # fmt: skip
@click.option(
    "--machine", shell_complete=machine_names, help="A machine that is there (default: NAME)."
)
@click.option(
    "--artifact", metavar="GROUP:NAME[:PACKAGING[:CLASSIFIER]]",
    help="What a new machine runs, from the binary repository (default: a page to begin with).",
)  # fmt: skip
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8080, show_default=True,
    help="Where a new machine's service listens.",
)  # fmt: skip
@click.option(
    "--health", metavar="PATH", default="/health", show_default=True,
    help="Where it says that it is well.",
)  # fmt: skip
@with_session()
def service(
    session: Session,
    name: str,
    kind: str,
    machine: str | None,
    artifact: str | None,
    port: int,
    health: str,
) -> None:
    """Write stacks/NAME.yaml with every key of its type that one begins with.

    What runs a machine that is not there gets one, packer/NAME, and its image, docker/NAME: of the
    artifact that you name, else a page that is served as it is.

    \b
    Examples:
      provisimus new service greeter --artifact com.acme:greeter:jar --health /actuator/health
      provisimus new service main --type network
      provisimus new service cache --type cluster --machine hazelcast
    """
    from provisimus.stacks.types import find_type
    from provisimus.workspace.definitions.common import checked_name
    from provisimus.workspace.definitions.stack import MachineStack
    from provisimus.workspace.scaffold import Beginning

    workspace = session.workspace
    found = find_type(kind, workspace.root)
    try:
        checked_name(name)
    except ValueError as error:
        raise UsageFault(str(error)) from None
    text, files = found.example, {}
    if not issubclass(found.definition, MachineStack):
        for option, given in (("--machine", machine), ("--artifact", artifact)):
            if given is not None:
                raise UsageFault(f"a {kind} runs no machine", hint=f"leave {option} out")
    elif machine is not None or name in workspace.machines():
        text = _with_machine(workspace, text, machine or name, artifact)
    else:
        began = Beginning(name, _artifact(artifact), port, _path(health), "/data" in text)
        text = _begun(text, began)
        files = _machine_and_image(workspace, began)
    text = _without_unknown(text, workspace.project.environments)
    stacks = {workspace.stacks / f"{name}.yaml": text}
    stacks |= {workspace.stacks / path: content for path, content in found.files.items()}
    written = write_new({**stacks, **files}, workspace.root)
    lines = written
    if files:
        lines = [*written, "", "next:", *(f"  {line}" for line in _next(name, artifact))]
    session.emit({"written": written}, "\n".join(lines))


def _machine_and_image(workspace: Workspace, began: Beginning) -> dict[Path, str]:
    """The files of a machine and, unless there is one of its name, of its image."""
    from provisimus.workspace.scaffold import image_files, machine_files

    files = {workspace.packer / path: text for path, text in machine_files(began).items()}
    images = workspace.images()
    if began.name not in images:
        made = image_files(began, there=images)
        files |= {workspace.docker / path: text for path, text in made.items()}
    return files


def _begun(text: str, began: Beginning) -> str:
    """The example of a stack type with the name, the first version and the port of what is new."""
    text = _said(_said(text, "machine", began.name), "version", "1.0.0")
    return re.sub(r"(?m)^(\s+- \{port:) \d+", rf"\1 {began.port}", text, count=1)


def _said(text: str, key: str, value: str) -> str:
    """The text with another value of a key, its comment where it stood."""

    def line(found: re.Match[str]) -> str:
        return f"{key}: {value}".ljust(len(found[0]))

    return re.sub(rf"(?m)^{key}: \S+ *", line, text, count=1)


def _without_unknown(text: str, environments: Collection[str]) -> str:
    """The text with what it says of other environments than the workspace's as a comment."""
    before, heading, overrides = text.partition("\nenvironments:")
    if set(re.findall(r"(?m)^  ([\w-]+):", overrides)) <= set(environments):
        return text
    return before + "\n" + "".join(f"# {line}\n" for line in (heading[1:] + overrides).splitlines())


def _artifact(given: str | None) -> str | None:
    from provisimus.workspace.definitions.image import MAVEN

    if given is not None and not re.fullmatch(MAVEN, given):
        raise UsageFault(
            f"{given!r} names no artifact",
            hint="write GROUP:NAME:PACKAGING, without a version: com.acme:greeter:jar",
        )
    return given


def _path(given: str) -> str:
    if not re.fullmatch(r"/[\w./~-]*", given):
        raise UsageFault(f"{given!r} is no path of a service", hint="write --health /health")
    return given


def _next(name: str, artifact: str | None) -> list[str]:
    """What one does with a fresh service."""
    publish = f"provisimus artifact publish FILE --coordinates {artifact}:1.0.0"
    return [
        *([publish] if artifact else []),
        "provisimus check",
        f"provisimus release {name}",
    ]


def _with_machine(workspace: Workspace, text: str, machine: str, artifact: str | None) -> str:
    known = workspace.machines()
    if machine not in known:
        hint = "name one with --machine: " + ", ".join(known) if known else "leave --machine out"
        raise UsageFault(f"there is no machine {machine!r}", hint=hint)
    if artifact is not None:
        raise UsageFault(
            f"the machine {machine} is there already, and its image says what it runs",
            hint="leave --artifact out",
        )
    return _said(text, "machine", machine)
