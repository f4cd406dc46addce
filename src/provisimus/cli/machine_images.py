"""What `provisimus machine …` commands share: which AMI is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provisimus.errors import NotFound

if TYPE_CHECKING:
    from provisimus.cli.session import Session
    from provisimus.environment import Environment
    from provisimus.model import MachineImage


def one_image(session: Session, environment: Environment, target: str) -> MachineImage:
    """The newest AMI that `AMI` or `MACHINE[@VERSION]` means, usable before untested.

    Raises NotFound.
    """
    from provisimus.machines.catalogue import list_machine_images
    from provisimus.machines.tags import USABLE

    name, _, version = target.partition("@")
    images = [
        image
        for image in list_machine_images(environment, session.workspace.name)
        if target == image.image_id or (image.machine == name and version in ("", image.version))
    ]
    if not images:
        raise NotFound(f"there is no machine image {target}", hint="provisimus machine list")
    return next((each for each in images if USABLE in each.tags), images[0])
