"""Files of ours on disk: replaced in one step, and a full disk told with the place that is full."""

from __future__ import annotations

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from provisimus.errors import ProvisimusError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """A temporary path that takes the place of `target` when the block ends well.

    However the block ends, `target` is whole, the old or the new. Raises ProvisimusError when the
    disk is full.
    """
    real = target.resolve()
    # The leading dot keeps a left-over out of every listing.
    temporary = real.with_name(f".{real.name}.{uuid.uuid4().hex[:8]}.tmp")
    with writing(target):
        try:
            yield temporary
            if real.exists():
                shutil.copymode(real, temporary)
            temporary.replace(real)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn a full disk inside the block into an error that names `place`."""
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise no_space(place) from error


def is_full(error: OSError) -> bool:
    """Whether the error is a full disk's. Python finds no temporary folder when all are full."""
    return error.errno in FULL or "No usable temporary directory" in str(error)


def no_space(place: Path) -> ProvisimusError:
    return ProvisimusError(
        f"no space is left on the disk of {place}",
        where=str(place),
        hint="make room there; nothing is lost, and the same command goes on from here",
    )


def fullest() -> Path:
    """Of the places that we write to without being told, the one with the least room."""
    places = [Path.cwd(), Path(os.environ.get("TMPDIR", "/tmp"))]  # noqa: S108 what tempfile takes
    return min(filter(Path.is_dir, places), key=lambda place: shutil.disk_usage(place).free)
