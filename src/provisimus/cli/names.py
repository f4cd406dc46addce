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


def machine_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Machines of the workspace that begin so."""
    from provisimus.workspace import open_workspace

    try:
        known = open_workspace(ctx.params.get("folder")).machines()
    except ProvisimusError:
        return []
    return sorted(name for name in known if name.startswith(incomplete))


def machine_images(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Machines, `MACHINE@VERSION` after an @, AMIs after `ami-`: only those ask the cloud."""
    if not ("@" in incomplete or incomplete.startswith("ami-")):
        return machine_names(ctx, parameter, incomplete)
    from provisimus.environment import open_environment
    from provisimus.machines.catalogue import list_machine_images
    from provisimus.workspace import open_workspace

    try:
        workspace = open_workspace(ctx.params.get("folder"))
        environment = open_environment(workspace, ctx.params.get("env") or "local")
        images = list_machine_images(environment, workspace.name)
    except ProvisimusError:
        return []
    words = {word for each in images for word in (each.image_id, f"{each.machine}@{each.version}")}
    return sorted(word for word in words if word.startswith(incomplete))
