"""Whether a snapshot may take the place of a volume, and what goes. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from provisimus.errors import Refused
from provisimus.model import UNKNOWN
from provisimus.stacks.template import MOUNT, VOLUME, resources_of
from provisimus.stacks.types.interface import Template
from provisimus.tasks.volumes import ListedSnapshot, chosen_mount
from provisimus.workspace.definitions.stack import DataVolume


def check_snapshot(snapshot: ListedSnapshot, service: str, mount: str) -> None:
    """Raises Refused for a snapshot that is not whole yet, or of another service or mount."""
    if snapshot.state != "completed":
        raise Refused(
            f"{snapshot.snapshot_id} is {snapshot.state}",
            hint="wait until it is completed: provisimus snapshot list",
        )
    told = (snapshot.service, snapshot.mount)
    wanted = (service, mount)
    if any(a not in (UNKNOWN, b) for a, b in zip(told, wanted, strict=True)):
        raise Refused(
            f"{snapshot.snapshot_id} is of {told[0]} {told[1]}, not of {wanted[0]} {wanted[1]}",
            hint=f"see which there are: provisimus snapshot list {service}",
        )


def declared_mount(volumes: Sequence[DataVolume], service: str, mount: str | None) -> str:
    """The mount that is meant, of those that are declared. Raises NotFound, UsageFault."""
    return chosen_mount([each.mount for each in volumes], service, mount)


def check_size(
    snapshot: ListedSnapshot, volumes: Sequence[DataVolume], mount: str, cluster: str
) -> None:
    """Raises Refused for a snapshot that is larger than the volumes of its cluster's members."""
    size = next(each.size for each in volumes if each.mount == mount)
    if size < snapshot.size:
        raise Refused(
            f"{snapshot.snapshot_id} has {snapshot.size} GiB, a member's volume {size} GiB",
            hint=f"make them larger first: provisimus volume grow {cluster} --mount "
            f'{mount} --to "{snapshot.size} GiB"',
        )


def volumes_at(running: Template, mount: str) -> frozenset[str]:
    """The logical ids of the volumes that a stack has at a mount. Another one that takes the place
    has another id, so they are looked for in what runs, whatever the file says by now."""
    return frozenset(
        name
        for name, each in resources_of(running, VOLUME).items()
        if {"Key": MOUNT, "Value": mount} in each["Properties"].get("Tags", ())
    )
