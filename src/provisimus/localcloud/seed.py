"""What a machine learns at its first boot: a NoCloud seed with identity, key and user data.

The metadata service says the same; from a disk cloud-init has it sooner.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from provisimus.localcloud.faults import LocalCloudError


@dataclass(frozen=True)
class Seed:
    """Identity of one instance; user data as the bytes that the caller meant."""

    instance: str
    hostname: str
    public_keys: tuple[str, ...]
    user_data: bytes


def meta_data(seed: Seed) -> str:
    """The file ``meta-data``: YAML, one key a line (busybox reads it), keys as a JSON list."""
    return (
        f"instance-id: {seed.instance}\n"
        f"local-hostname: {seed.hostname}\n"
        f"public-keys: {json.dumps(list(seed.public_keys))}\n"
    )


def write_seed(seed: Seed, target: Path) -> None:
    """Make the ISO image. Raises LocalCloudError when it cannot be made."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        files = {
            "meta-data": meta_data(seed).encode(),
            "user-data": seed.user_data or b"#cloud-config\n{}\n",
        }
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        try:
            done = subprocess.run(
                ("genisoimage", "-quiet", "-output", str(target), "-volid", "cidata",
                 "-joliet", "-rock", *files),
                cwd=folder, check=False, capture_output=True, text=True,
            )  # fmt: skip
        except FileNotFoundError:
            raise LocalCloudError(
                "genisoimage is not installed", "apt-get install genisoimage"
            ) from None
    if done.returncode:
        raise LocalCloudError(f"genisoimage failed: {done.stderr.strip()}")
