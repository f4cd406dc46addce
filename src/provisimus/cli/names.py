"""Names of the workspace, for the shell to complete. Says nothing where there is no workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.errors import ProvisimusError

if TYPE_CHECKING:
    import click


def image_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Images and their variants that begin so; for click's `shell_complete`."""
    from provisimus.workspace import open_workspace

    try:
        known = open_workspace(ctx.params.get("folder")).images()
    except ProvisimusError:
        return []
    return [name for name in known if name.startswith(incomplete)]
