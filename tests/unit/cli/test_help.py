"""What `--help` says of every command: a sentence, and examples that the command would take."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
import pytest

from provisimus.cli.app import provisimus

ENDS = re.compile(r"\s{3,}|\s[|>]+\s|\\$")
"""Where an example's arguments end: its remark, a redirection, the next line."""


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        yield from leaves(below, f"{path} {name}")


COMMANDS = dict(leaves(provisimus, "provisimus"))


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_tells_what_it_does_and_shows_how(path: str) -> None:
    command = COMMANDS[path]
    assert re.match(r"[A-Z][^\n]{20,}", command.help or ""), "it does not say what it does"
    lines = [line.strip() for line in (command.help or "").splitlines()]
    examples = [
        ENDS.split(line.removeprefix(path))[0].partition(" -- ")[0].split()
        for line in lines
        if line.startswith(path)
    ]
    assert examples, "it has no example"
    known = {name for each in command.params for name in each.opts}
    for words in examples:
        assert [each for each in words if each.startswith("-") and each not in known] == []


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_that_reads_gives_json(path: str) -> None:
    options = {name for each in COMMANDS[path].params for name in each.opts}
    # A script for a shell is no data; an SBOM is JSON anyway.
    assert "--json" in options or path in ("provisimus completion", "provisimus image sbom")
