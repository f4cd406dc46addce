"""Binary repositories as docker.lock has them: a pinned SNAPSHOT is the file that it was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace

from provisimus.artifacts import Repositories
from provisimus.artifacts.maven import layout
from provisimus.errors import ChecksumMismatch, NotFound
from provisimus.images.lock import DockerLock, LockedSnapshot
from provisimus.model import Artifact, Coordinates

HINT = "take the newest: provisimus image lock --update"


@dataclass(frozen=True)
class PinnedRepositories(Repositories):
    """Everything else is asked as before."""

    pins: Mapping[str, LockedSnapshot] = field(default_factory=dict)

    def resolve(self, coordinates: Coordinates) -> Artifact:
        """As before; of a pinned SNAPSHOT the pinned file, still under the SNAPSHOT's coordinates.

        Raises NotFound when it is gone, ChecksumMismatch when it is another.
        """
        pin = self.pins.get(str(coordinates))
        if pin is None:
            return super().resolve(coordinates)
        try:
            found = super().resolve(layout.pinned(coordinates, pin.file))
        except NotFound as error:
            raise NotFound(
                f"docker.lock pins {coordinates} to {pin.file}, which is there no longer",
                where=error.where,
                hint=HINT,
            ) from error
        if found.sha256 != pin.sha256:
            raise ChecksumMismatch(
                f"{pin.file} is not what docker.lock pins: {found.sha256.short}… instead of "
                f"{pin.sha256.short}…",
                where=found.location,
                hint=HINT,
            )
        return replace(found, coordinates=coordinates)


def pinned(repositories: Repositories, lock: DockerLock) -> Repositories:
    """These repositories under a lock file."""
    own = {each.name: getattr(repositories, each.name) for each in fields(Repositories)}
    return PinnedRepositories(**own, pins=lock.snapshots)


def pin_of(coordinates: Coordinates, artifact: Artifact) -> LockedSnapshot | None:
    """The pin of what a SNAPSHOT is now; None for one whose file says no time.

    Such a file is somebody's own build, overwritten by the next: there is nothing to hold on to.
    """
    if layout.pinned(coordinates, artifact.location) == coordinates:
        return None
    name = artifact.location.rpartition("/")[2]
    return LockedSnapshot(
        name, artifact.sha256, artifact.size, artifact.repository, artifact.commit
    )
