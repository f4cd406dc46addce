"""`image lock --update`: let bases follow what moved. Pure but for reading definitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from provisimus.errors import NotFound, UsageFault
from provisimus.images.debian import base_fingerprint
from provisimus.images.documents import architecture
from provisimus.images.lock import DockerLock, LockedBase
from provisimus.workspace.problems import did_you_mean

if TYPE_CHECKING:
    from provisimus.workspace import Workspace


def updated_lock(workspace: Workspace, lock: DockerLock, names: Sequence[str]) -> DockerLock:
    """The lock with the pins of these images (all, when none is named) taken off.

    Raises NotFound for an image that is not there, UsageFault for one that pins nothing.
    """
    known = workspace.images()
    for name in names:
        if name not in known:
            raise NotFound(f"there is no image {name!r}", hint=did_you_mean(name, known))
    for name in names or known:
        source = workspace.image(name).source
        if source is None or source.debian is None:
            if names:
                raise UsageFault(f"{name} is not made from Debian packages; it pins nothing")
            continue
        before = lock.bases.get(name)
        update = (before.update if before else 0) + 1
        fingerprint = base_fingerprint(source.debian, architecture(), update)
        unpinned = LockedBase(fingerprint, update=update)
        changed = replace(before, digest=None, config=None) if before else unpinned
        lock = lock.having(name, replace(changed, fingerprint=fingerprint, update=update))
    return lock
