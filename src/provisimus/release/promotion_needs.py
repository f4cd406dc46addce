"""What another environment may still take from this one: the versions that it declares."""

from __future__ import annotations

from provisimus.errors import ProvisimusError
from provisimus.workspace.definitions.stack import version_of
from provisimus.workspace.workspace import Workspace


def promoted_from(workspace: Workspace, environment: str) -> dict[tuple[str, str], str]:
    """By machine and version, who takes it: each environment that is promoted from this one, by
    the version that its services' files declare for it. Asks no cloud.
    """
    found: dict[tuple[str, str], str] = {}
    for name, definition in sorted(workspace.project.environments.items()):
        if definition.promote_from != environment:
            continue
        for service in workspace.services():
            try:
                version = version_of(workspace.stack(service, name))
                machine = workspace.machine_of(service, name)
            except ProvisimusError:
                # Wrong definitions are told by `check`; here they protect nothing they do not name.
                continue
            if version and machine:
                found[machine, version] = f"{name} is promoted from here and declares it"
    return found
