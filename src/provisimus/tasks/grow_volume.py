"""Which data volume is to grow, and whether it may. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from provisimus.errors import NotFound, Refused, UsageFault
from provisimus.tasks.volumes import ListedVolume


def size_of(written: str) -> int:
    """GiB, of what is written as in a definition: `40 GiB`, `1 TiB`. Raises UsageFault."""
    from provisimus.workspace.definitions.common import gibibytes

    try:
        return gibibytes(written)
    except ValueError as error:
        raise UsageFault(str(error), hint='write it so: --to "40 GiB"') from None


def declared_volume(volumes: Iterable[ListedVolume], volume_id: str) -> tuple[str, str]:
    """The service and the mount of a data volume of this project. Raises NotFound."""
    for each in volumes:
        if each.volume_id == volume_id:
            return each.service, each.mount
    raise NotFound(
        f"{volume_id} is no data volume of this project in this environment",
        hint="see: provisimus volume list",
    )


def check_larger(volume: ListedVolume, size: int) -> None:
    """Raises Refused for a volume that would shrink, which EBS does not do."""
    if size < volume.size:
        raise Refused(
            f"{volume.volume_id} ({volume.service} {volume.mount}) has {volume.size} GiB; a volume "
            "does not shrink",
            hint="make a smaller one, copy what is on it, and let the old one go",
        )
