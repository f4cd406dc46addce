"""Whether a snapshot may take the place of a volume, and what goes. Pure."""

from __future__ import annotations

from provisimus.errors import NotFound, Refused
from provisimus.model import UNKNOWN
from provisimus.stacks.types.service import named_volumes
from provisimus.tasks.volumes import ListedSnapshot, ListedVolume
from provisimus.workspace.definitions.stacks.service import ServiceDefinition


def check_snapshot(snapshot: ListedSnapshot, volume: ListedVolume) -> None:
    """Raises Refused for a snapshot that is not whole yet, or of another service or mount."""
    if snapshot.state != "completed":
        raise Refused(
            f"{snapshot.snapshot_id} is {snapshot.state}",
            hint="wait until it is completed: provisimus snapshot list",
        )
    told = (snapshot.service, snapshot.mount)
    wanted = (volume.service, volume.mount)
    if any(a not in (UNKNOWN, b) for a, b in zip(told, wanted, strict=True)):
        raise Refused(
            f"{snapshot.snapshot_id} is of {told[0]} {told[1]}, not of {wanted[0]} {wanted[1]}",
            hint=f"see which there are: provisimus snapshot list {volume.service}",
        )


def going_volume(definition: ServiceDefinition, mount: str) -> str:
    """The logical id of the volume that another takes the place of. Raises NotFound."""
    for name, each in named_volumes(definition.data_volumes).items():
        if each.mount == mount:
            return name
    raise NotFound(f"no data volume at {mount} is declared", hint="see: provisimus volume list")
