"""The root command, its groups by name, and the way from an error to an exit code.

A group's module is imported when one of its commands runs, so `--help` needs none of them.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any, NoReturn

import click
from click.shell_completion import CompletionItem

from provisimus import __version__
from provisimus.cli.interruptions import listen_for_interruptions
from provisimus.errors import (
    InvalidDefinitions,
    ProvisimusError,
    RolledBack,
    ToolFailed,
    Unhealthy,
    Unready,
    UsageFault,
)

# name: (module, attribute, one line of help), in the order of a service's life.
COMMANDS: dict[str, tuple[str, str, str]] = {
    "init": ("provisimus.cli.init", "init", "Begin a workspace."),
    "new": ("provisimus.cli.new", "new", "Files to begin with, annotated."),
    "check": ("provisimus.cli.check", "check", "Validate every definition, offline."),
    "doctor": ("provisimus.cli.doctor", "doctor", "Check tools, acceleration and credentials."),
    "artifact": ("provisimus.cli.artifact", "artifact", "Files in the binary repositories."),
    "image": ("provisimus.cli.image", "image", "Build and inspect container images."),
    "machine": ("provisimus.cli.machine", "machine", "Bake and inspect machine images (AMIs)."),
    "stack": ("provisimus.cli.stack", "stack", "Plan, apply and inspect stacks."),
    "plan": ("provisimus.cli.release", "plan", "Show what a release would do, and why."),
    "release": ("provisimus.cli.release", "release", "Take a service all the way to its stack."),
    "history": ("provisimus.cli.release", "history", "What was done in this workspace."),
    "trace": ("provisimus.cli.trace", "trace", "From an instance back to its commits."),
    "instance": ("provisimus.cli.instance", "instance", "Instances: list, go onto, start, stop."),
    "logs": ("provisimus.cli.instance_sessions", "logs", "What a service's containers log."),
    "volume": ("provisimus.cli.volume", "volume", "Data volumes, and what is free on them."),
    "snapshot": ("provisimus.cli.snapshot", "snapshot", "Snapshots of data volumes."),
    "database": ("provisimus.cli.database", "database", "Databases: another password, now."),
    "users": ("provisimus.cli.users", "users", "Who may log in to machines, and by which keys."),
    "tags": ("provisimus.cli.tags", "tags", "The tags that a company wants on what it pays for."),
    "cost": ("provisimus.cli.cost", "cost", "What stacks cost a month, estimated."),
    "local": ("provisimus.cli.local", "local", "The local cloud: up, down, status, logs, reset."),
    "completion": ("provisimus.cli.completion", "completion", "Complete commands in your shell."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(
        self,
        ctx: click.Context,  # noqa: ARG002 click's signature
        formatter: click.HelpFormatter,
    ) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        return [
            CompletionItem(name, help=line)
            for name, (_, _, line) in COMMANDS.items()
            if name.startswith(incomplete)
        ] + click.Command.shell_complete(self, ctx, incomplete)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0] if args else "", COMMANDS, n=1)
            if not near:
                raise
            raise click.UsageError(
                f"{error.message.rstrip('.')}. Did you mean {near[0]!r}?", ctx
            ) from None


@click.command(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, 1 failed, 2 usage, 3 definitions invalid, 4 changes found, "
    "5 refused, 6 rolled back, 7 still running, 130 interrupted.",
)
@click.version_option(__version__, prog_name="provisimus")
def provisimus() -> None:
    """Codify the life of a service on AWS: artifact, container image, machine image, stack.

    \b
    Examples:
      provisimus check                        are the definitions sound?
      provisimus release greeter@1.0.0        from artifact to answering instance
      provisimus trace i-0123456789abcdef0    from an instance back to its commits
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program `provisimus`."""
    _exit_with(provisimus, list(sys.argv[1:] if arguments is None else arguments))


def build_docker(arguments: Sequence[str] | None = None) -> NoReturn:
    """The program `build_docker`: `build_docker X` is `provisimus image build X`."""
    if asked := os.environ.get("_BUILD_DOCKER_COMPLETE"):
        from provisimus.cli.completion import complete_build_docker

        complete_build_docker(asked)
    given = list(sys.argv[1:] if arguments is None else arguments)
    _exit_with(provisimus, ["image", "build", *given])


def _exit_with(command: click.Command, arguments: list[str]) -> NoReturn:
    """Run a command and end the process: only here does an error become text and a number."""
    try:
        _run(command, arguments)
    finally:
        # The interpreter collects garbage once more on its way out, through all modules: a tenth of
        # the time of a command that has nothing to do. What is frozen is not looked through.
        gc.freeze()


def _run(command: click.Command, arguments: list[str]) -> NoReturn:
    listen_for_interruptions()
    if "_PROVISIMUS_COMPLETE" in os.environ:
        command.main(arguments, prog_name="provisimus")
    try:
        outcome = command.main(arguments, prog_name="provisimus", standalone_mode=False)
    except ProvisimusError as error:
        report(error, as_json="--json" in arguments)
        sys.exit(error.exit_code)
    except click.exceptions.Exit as exiting:
        sys.exit(exiting.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; the same command goes on from here", err=True)
        sys.exit(130)
    except click.ClickException as error:
        if "--json" in arguments:
            report(_usage(error), as_json=True)
        else:
            report(_usage(error), as_json=False)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        from pathlib import Path

        from provisimus.files import fullest, is_full, no_space

        if isinstance(error, PermissionError) and error.filename:
            message = f"{error.filename}: {error.strerror}"
            report(ProvisimusError(message, hint="whose is it?"), as_json="--json" in arguments)
            sys.exit(1)
        if not is_full(error):
            raise
        place = Path(error.filename) if isinstance(error.filename, str) else fullest()
        report(no_space(place), as_json="--json" in arguments)
        sys.exit(1)
    # click gives back the status of ctx.exit() here instead of raising it.
    sys.exit(outcome if isinstance(outcome, int) else 0)


def _usage(error: click.ClickException) -> UsageFault:
    """What click says of wrong usage, told as every other error is."""
    told = error.format_message().rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context else "provisimus"
    return UsageFault(told, hint=f"see: {path} --help")


def report(error: ProvisimusError, *, as_json: bool) -> None:
    """Show an error on stderr: what, where, the last lines of a program, what next."""
    if as_json:
        click.echo(json.dumps(error.as_json()), err=True)
        return
    say: Any = partial(click.secho, color=False if "NO_COLOR" in os.environ else None)
    say(f"error: {error.message}", fg="red", err=True)
    if error.where:
        say(f"  where: {error.where}", err=True)
    if isinstance(error, InvalidDefinitions):
        for problem in error.problems:
            say(f"  {problem}", err=True)
            if problem.hint:
                say(f"      {problem.hint}", fg="cyan", err=True)
    if isinstance(error, Unready) and len(error.findings) > 1:
        for each in error.findings:
            say(f"  {each.where}: {each.what}" if each.where else f"  {each.what}", err=True)
            if each.hint:
                say(f"      {each.hint}", fg="cyan", err=True)
    if isinstance(error, (ToolFailed, Unhealthy, RolledBack)):
        for line in error.tail:
            say(f"  | {line}", dim=True, err=True)
    if error.hint:
        say(f"  hint: {error.hint}", fg="cyan", err=True)
