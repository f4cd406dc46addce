"""Progress on stderr: living lines on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from provisimus.cli.session import colour_wanted
from provisimus.events import (
    Event,
    Failed,
    Finished,
    Progress,
    Said,
    Skipped,
    Started,
    Tell,
    Warned,
    silence,
)

if TYPE_CHECKING:
    from rich.status import Status


def new_screen(*, quiet: bool = False) -> Tell:
    if quiet:
        return silence
    return LivingScreen() if colour_wanted() else plain


def line_of(event: Event) -> str | None:
    """One event as one plain line; None for what only a living screen shows."""
    match event:
        case Started(step, reason):
            return f"· {step}" + (f": {reason}" if reason else "")
        case Finished(step, seconds, result):
            return f"✓ {step} ({seconds:.1f} s)" + (f" {result}" if result else "")
        case Skipped(step, reason):
            return f"= {step}: {reason}"
        case Failed(step, seconds, error):
            return f"✗ {step} ({seconds:.1f} s): {error}"
        case Said(_, text):
            return f"  | {text}" if text.strip() else None
        case Warned(text):
            return f"! {text}"
        case Progress():
            return None


def plain(event: Event) -> None:
    """For logs and build servers: every event once, nothing moves."""
    line = line_of(event)
    if line is not None:
        click.echo(line, err=True)


class LivingScreen:
    """The step that runs, with what it last said, on a line that moves; what is done stays."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._running: list[str] = []

    def __call__(self, event: Event) -> None:
        match event:
            case Started(step, reason):
                self._running.append(step)
                self._move(f"{step}  [dim]{_plain(reason)}[/dim]")
            case Progress(step, done, total, unit):
                self._move(f"{step}  [dim]{amount(done, total, unit)}[/dim]")
            case Said(step, text):
                self._move(f"{step}  [dim]{_plain(text.strip())[: self._console.width - 20]}[/dim]")
            case Finished(step, _, _) | Failed(step, _, _):
                if step in self._running:
                    self._running.remove(step)
                self._console.print(_plain(line_of(event) or ""), style=_style(event))
                self._move(self._running[-1] if self._running else None)
            case Skipped() | Warned():
                self._console.print(_plain(line_of(event) or ""), style=_style(event))

    def _move(self, text: str | None) -> None:
        if text is None:
            if self._status is not None:
                self._status.stop()
                self._status = None
        elif self._status is None:
            self._status = self._console.status(text)
            self._status.start()
        else:
            self._status.update(text)
        sys.stderr.flush()


def amount(done: int, total: int, unit: str) -> str:
    """`12.0 of 58.3 MB`, `3 of 7 layers`; without a total only how much is done."""
    if unit == "bytes":
        of = f" of {total / 1e6:.1f}" if total else ""
        return f"{done / 1e6:.1f}{of} MB"
    return f"{done} of {total} {unit}" if total else f"{done} {unit}"


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _style(event: Event) -> str:
    match event:
        case Finished():
            return "green"
        case Failed():
            return "red"
        case Warned():
            return "yellow"
        case _:
            return "dim"
