"""Copies of whole folders: owners, modes and empty folders as well."""

from __future__ import annotations

import subprocess
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError


def copy_whole(source: Path, target: Path, *options: str) -> None:
    """Copy; blocks are shared where the file system can. Raises LocalCloudError."""
    command = ("cp", "--archive", *(options or ("--reflink=auto",)), str(source), str(target))
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise LocalCloudError(f"{source.name} cannot be copied: {done.stderr.strip()}")
