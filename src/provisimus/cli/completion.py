"""`provisimus completion SHELL`, and what a completing shell asks of `build_docker`."""

from __future__ import annotations

import sys
from typing import NoReturn

import click

PROVISIMUS, BUILD_DOCKER = "_PROVISIMUS_COMPLETE", "_BUILD_DOCKER_COMPLETE"
"""The variables with which a shell asks, as click names them after the programs."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete `provisimus` and `build_docker`.

    \b
    Examples:
      provisimus completion bash >> ~/.bashrc
      provisimus completion fish > ~/.config/fish/conf.d/provisimus.fish
    """
    from click.shell_completion import get_completion_class

    from provisimus.cli.app import provisimus

    kind = get_completion_class(shell)
    assert kind is not None, "click.Choice let another shell through"
    for program, variable in (("provisimus", PROVISIMUS), ("build_docker", BUILD_DOCKER)):
        click.echo(kind(provisimus, {}, program, variable).source())


def complete_build_docker(asked: str) -> NoReturn:
    """Answer a shell, as for `image build`; ``asked`` is what its variable says."""
    from click.shell_completion import shell_complete

    from provisimus.cli.image import build

    sys.exit(shell_complete(build, {}, "build_docker", BUILD_DOCKER, asked))
