"""A local cloud for a rehearsal, with the bases that others made: each is made once by a worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.ports import free_port


@contextmanager
def own_cloud(folder: Path, factory: pytest.TempPathFactory) -> Iterator[None]:
    """What this process and those that it starts take for theirs: a fresh one, or the kept one."""
    kept = os.environ.get("PROVISIMUS_REHEARSAL_DIR")
    with pytest.MonkeyPatch.context() as patch, shared_bases(folder, factory):
        patch.setenv("PROVISIMUS_LOCAL_DIR", kept or str(folder))
        patch.setenv("PROVISIMUS_LOCAL_PORT", str(free_port()))
        patch.setenv("PROVISIMUS_LOCAL_REGISTRY_PORT", str(free_port()))
        yield


@contextmanager
def shared_bases(cloud: Path, factory: pytest.TempPathFactory) -> Iterator[None]:
    """Around a local cloud in the folder ``cloud``; a worker makes them once for all rehearsals.

    A cloud that is kept (PROVISIMUS_REHEARSAL_DIR) has its own, perhaps on another file system.
    """
    if "PROVISIMUS_REHEARSAL_DIR" in os.environ:
        yield
        return
    known = factory.getbasetemp() / "bases"
    _link(known, cloud / "bases")
    try:
        yield
    finally:
        _link(cloud / "bases", known)


def _link(source: Path, target: Path) -> None:
    """A second name for each finished disk, as a cloud gives one to each snapshot of a base."""
    target.mkdir(parents=True, exist_ok=True)
    for disk in source.glob("*.qcow2"):
        for path in (disk.with_suffix(".vmlinuz"), disk):
            if not (target / path.name).exists():
                os.link(path, target / path.name)
