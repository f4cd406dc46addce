"""What every command shares: its common options, the workspace, the environment, the listeners.

A command is decorated with `@with_session(env=True, yes=True)` and gets a Session first.
"""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from provisimus.cli.names import environment_names
from provisimus.errors import UsageFault

if TYPE_CHECKING:
    from provisimus.environment import Environment
    from provisimus.events import Tell
    from provisimus.workspace import Workspace

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Session:
    """The common options of one command, and what follows from them when first asked for."""

    folder: str | None = None
    env: str = "local"
    json: bool = False
    yes: bool = False
    dry_run: bool = False
    events: str | None = None
    quiet: bool = False

    @cached_property
    def run(self) -> str:
        """The id of this run: sorts by time, and is unlike any other."""
        return time.strftime("%Y%m%dT%H%M%S", time.gmtime()) + "-" + uuid.uuid4().hex[:6]

    @cached_property
    def workspace(self) -> Workspace:
        from provisimus.workspace import open_workspace

        return open_workspace(self.folder)

    @property
    def root(self) -> Path | None:
        """The workspace's folder, for what is also useful outside of one."""
        try:
            return self.workspace.root
        except UsageFault:
            return None

    @cached_property
    def tell(self) -> Tell:
        """The listeners of long work: the journal first, then the screen or `--events ndjson`."""
        from provisimus.cli.screen import new_screen

        return self.telling(new_screen(quiet=self.quiet))

    def telling(self, screen: Tell) -> Tell:
        """As `tell`, with another screen."""
        from provisimus.cli.journal import Journal
        from provisimus.events import Broadcast, as_json

        journal = Journal(self.workspace.state / "journal" / f"{self.run}.ndjson", typed(sys.argv))
        if self.events:
            return Broadcast(
                journal, lambda event: click.echo(json.dumps(as_json(event)), err=True)
            )
        return Broadcast(journal, screen)

    def open(self, *, start: bool = False) -> Environment:
        """The environment; with `start` (changing commands) the local cloud is started."""
        from provisimus.environment import open_environment
        from provisimus.events import silence

        tell = self.tell if start else silence
        return open_environment(self.workspace, self.env, start=start, tell=tell)

    def confirm(self, question: str) -> None:
        """Ask before something changes. `--yes` answers; without a terminal that is needed.

        Raises UsageFault without terminal and `--yes`, click.Abort for a no.
        """
        if self.yes:
            return
        if not sys.stdin.isatty() or not sys.stderr.isatty():
            raise UsageFault(f"{question} — nobody is there to answer", hint="add --yes")
        click.confirm(question, abort=True, err=True)

    def emit(self, data: Any, text: str) -> None:
        """Print the result on stdout: `data` with --json, else `text`.

        `data` may be a function that works it out, where nobody else asks for what is in it.
        """
        if self.json:
            text = json.dumps(data() if callable(data) else data, indent=2, default=str)
        click.echo(text)


def with_session(
    *, env: bool = False, yes: bool = False, dry_run: bool = False, work: bool = False
) -> Callable[[Function], Function]:
    """Give a command the common options and pass a Session first.

    `env` for what asks a cloud, `work` for what reports events, `yes` for what asks before it
    changes something, `dry_run` for what can show its plan alone.
    """
    options = [
        click.option(
            *("--workspace", "-C", "folder"),
            envvar="PROVISIMUS_WORKSPACE",
            metavar="FOLDER",
            help="A folder of the workspace (default: here).",
        ),
        click.option("--json", is_flag=True, help="Print the result as JSON."),
    ]
    if env:
        options.append(
            click.option(
                *("--env", "-e"),
                envvar="PROVISIMUS_ENV",
                default="local",
                show_default=True,
                help="The environment.",
                shell_complete=environment_names,
            )
        )
    if yes:
        options.append(click.option("--yes", "-y", is_flag=True, help="Do not ask."))
    if dry_run:
        options.append(
            click.option("--dry-run", is_flag=True, help="Show what would be done, and why.")
        )
    if work:
        options.append(
            click.option(
                "--events", type=click.Choice(["ndjson"]), help="Events as JSON lines on stderr."
            )
        )
        options.append(click.option("--quiet", "-q", is_flag=True, help="No progress."))

    names = ("folder", "json", "env", "yes", "dry_run", "events", "quiet")

    def decorate(function: Function) -> Function:
        @wraps(function)
        def command(**given: Any) -> Any:
            common = {name: given.pop(name) for name in names if name in given}
            return function(Session(**common), **given)

        decorated: Any = command
        for option in reversed(options):
            decorated = option(decorated)
        return decorated  # type: ignore[no-any-return]

    return decorate


def typed(argv: Sequence[str]) -> list[str]:
    """The words after `provisimus`, whichever of our programs was typed. Pure."""
    words = list(argv[1:])
    return ["image", "build", *words] if Path(argv[0]).name == "build_docker" else words


def colour_wanted(variables: Mapping[str, str] = os.environ) -> bool:
    """Whether stderr takes colour and movement: a terminal, no NO_COLOR, not a build server."""
    return sys.stderr.isatty() and "NO_COLOR" not in variables and not variables.get("CI")
