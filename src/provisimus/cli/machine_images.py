"""What `provisimus machine …` commands share: which AMI is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.errors import NotFound

if TYPE_CHECKING:
    from provisimus.cli.session import Session
    from provisimus.environment import Environment
    from provisimus.machines.details import Details


def one_image(session: Session, environment: Environment, target: str) -> Details:
    """The newest AMI that `AMI` or `MACHINE[@VERSION]` means, usable before untested.

    Raises NotFound, Undeclared where no file declares the machine either.
    """
    from provisimus.machines.details import list_details

    name, _, version = target.partition("@")
    every = list_details(environment.cloud, session.workspace.name)
    found = [
        each
        for each in every
        if target == each.image.image_id
        or (each.image.machine == name and version in ("", each.image.version))
    ]
    if not found:
        known = {*session.workspace.machines(), *(each.image.machine for each in every)}
        if not target.startswith("ami-") and name not in known:
            session.workspace.machine(name)
        raise NotFound(f"there is no machine image {target}", hint="provisimus machine list")
    ready = [each for each in found if each.usable and each.state == "available"]
    return (ready or found)[0]
