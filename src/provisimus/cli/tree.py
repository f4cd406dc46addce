"""Progress of many at once: a living tree with durations on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from provisimus.cli.branches import Branch, Branches, Leaf, grown
from provisimus.cli.screen import line_of
from provisimus.cli.session import colour_wanted
from provisimus.events import Event, Finished, Said, Tell, Warned, silence

if TYPE_CHECKING:
    from rich.console import RenderableType

LEAVES = 6
"""How many resources of a branch are shown: those under way first, then the last that ended."""
_STYLES = {"✓": "green", "✗": "red", "=": "dim", "·": "bold"}


def new_tree(title: str, names: Sequence[str], *, quiet: bool = False) -> Tell:
    """The screen for work on these names; `title` is the step that is all of it."""
    if quiet:
        return silence
    return LivingTree(title, names) if colour_wanted() else plain


def plain(event: Event) -> None:
    """Every event once, each line with the name of what it is about: lines of many are mixed."""
    line = line_of(event)
    if isinstance(event, Said) and line is not None:
        line = f"  | {event.step.partition(': ')[0]}: {event.text}"
    if line is not None:
        click.echo(line, err=True)


class LivingTree:
    """All branches, redrawn as they grow; what stands at the end stays on the screen."""

    def __init__(self, title: str, names: Sequence[str]) -> None:
        from rich.console import Console
        from rich.live import Live

        self._title = title
        self._names = names
        self._branches: Branches = {}
        self._console = Console(stderr=True, highlight=False)
        self._live = Live(
            console=self._console, get_renderable=self._drawn, refresh_per_second=4,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip

    def __call__(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._console.print(event.text, style="yellow", markup=False)
        elif event.step == self._title:
            # It begins and ends with all of it.
            if self._live.is_started:
                self._live.stop()
            elif not isinstance(event, Finished):
                self._live.start()
        else:
            self._branches = grown(self._branches, event, time.monotonic())

    def _drawn(self) -> RenderableType:
        return drawn(self._title, self._names, self._branches, time.monotonic())


def drawn(title: str, names: Sequence[str], branches: Branches, now: float) -> RenderableType:
    """The tree: a branch for each name, in their order, its resources below while it grows."""
    from rich.text import Text
    from rich.tree import Tree

    tree = Tree(Text(title))
    for name in names:
        branch = branches.get(name)
        if branch is None:
            tree.add(Text(f"  {name}  waits", style="dim"))
            continue
        grows = tree.add(Text(line(branch, now), style=_STYLES[branch.mark]))
        for leaf in shown(branch) if branch.ended is None else ():
            seconds = (leaf.ended or now) - leaf.began
            style = "red" if leaf.status.endswith("_FAILED") else "dim" if leaf.ended else ""
            said = f"{leaf.name}  {leaf.kind}  {leaf.status}  {seconds:.0f} s"
            grows.add(Text(said, style=style))
    return tree


def line(branch: Branch, now: float) -> str:
    """`✓ main  12 s  CREATE_COMPLETE`: how it is, how long it took so far, what it is at. Pure."""
    seconds = (branch.ended or now) - branch.began
    parts = (f"{branch.mark} {branch.name}", f"{seconds:.0f} s", branch.step, branch.said)
    return "  ".join(part for part in parts if part)


def shown(branch: Branch) -> list[Leaf]:
    """The resources worth their line: those under way, then what ended last. Pure."""
    leaves = list(branch.leaves.values())
    going = [each for each in leaves if each.ended is None]
    over = sorted((e for e in leaves if e.ended is not None), key=lambda e: -(e.ended or 0))
    return (going + over)[:LEAVES]
