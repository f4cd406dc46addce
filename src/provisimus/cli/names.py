"""Names of the workspace, for the shell to complete. Says nothing where there is no workspace."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from provisimus.errors import ProvisimusError

if TYPE_CHECKING:
    import click

    from provisimus.workspace import Workspace


def image_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Images and their variants that begin so; for click's `shell_complete`, as all of these."""
    return _beginning(ctx, incomplete, lambda workspace: workspace.images())


def machine_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return _beginning(ctx, incomplete, lambda workspace: workspace.machines())


def service_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return _beginning(ctx, incomplete, lambda workspace: workspace.services())


def stack_types(_: click.Context, __: click.Parameter, incomplete: str) -> list[str]:
    from provisimus.workspace.stack_kinds import own_kinds

    return [name for name in own_kinds() if name.startswith(incomplete)]


def environment_names(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    return _beginning(ctx, incomplete, lambda workspace: list(workspace.project.environments))


def _beginning(
    ctx: click.Context, incomplete: str, known: Callable[[Workspace], list[str]]
) -> list[str]:
    from provisimus.workspace import open_workspace

    try:
        names = known(open_workspace(ctx.params.get("folder")))
    except ProvisimusError:
        return []
    return [name for name in names if name.startswith(incomplete)]


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


def foreign_stacks(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """The stacks of the environment that no project owns; asks the cloud."""
    from provisimus.environment import open_environment
    from provisimus.stacks.live import PROJECT, every_stack
    from provisimus.workspace import open_workspace

    try:
        workspace = open_workspace(ctx.params.get("folder"))
        environment = open_environment(workspace, ctx.params.get("env") or "local")
        stacks = every_stack(environment)
    except ProvisimusError:
        return []
    names = (each.name for each in stacks if PROJECT not in each.tags)
    return sorted(name for name in names if name.startswith(incomplete))
