"""`provisimus completion SHELL`."""

from __future__ import annotations

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes SHELL complete our commands.

    \b
    Examples:
      provisimus completion bash >> ~/.bashrc
      provisimus completion fish > ~/.config/fish/completions/provisimus.fish
    """
    from click.shell_completion import get_completion_class

    from provisimus.cli.app import provisimus

    kind = get_completion_class(shell)
    assert kind is not None, "click.Choice let another shell through"
    click.echo(kind(provisimus, {}, "provisimus", "_PROVISIMUS_COMPLETE").source())
