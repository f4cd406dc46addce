"""docker.lock: what moves and is referred to, pinned by what it was.

Bases made from Debian packages, by what was built, and the SNAPSHOTs that manifests name, by the
file that they were. It is committed beside the definitions. Only `image lock --update` moves a pin:
for a base that raises `update`, an input of its fingerprint, so that all above it are built anew.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from provisimus.model import Digest
from provisimus.workspace import lock_file

FILE = "docker.lock"
_HEAD = """\
# What moves and is referred to, pinned by what was built. Written by provisimus; commit it.
# `provisimus image lock --update` moves a pin.
"""


@dataclass(frozen=True)
class LockedBase:
    """Digests of manifest and configuration; None while not built since an update."""

    fingerprint: Digest
    digest: Digest | None = None
    config: Digest | None = None
    update: int = 0
    size: int = 0
    """Bytes of its layers as they are stored; 0 while unknown."""


@dataclass(frozen=True)
class LockedSnapshot:
    """The file that a SNAPSHOT stands for: `file` is its name with the time of its making."""

    file: str
    sha256: Digest
    size: int
    repository: str
    commit: str | None = None


@dataclass(frozen=True)
class DockerLock:
    bases: Mapping[str, LockedBase] = field(default_factory=dict)
    snapshots: Mapping[str, LockedSnapshot] = field(default_factory=dict)
    """By coordinates, `com.acme:greeter:jar:1.1-SNAPSHOT`."""

    def having(self, name: str, locked: LockedBase) -> DockerLock:
        return replace(self, bases={**self.bases, name: locked})

    def having_snapshot(self, coordinates: str, locked: LockedSnapshot) -> DockerLock:
        return replace(self, snapshots={**self.snapshots, coordinates: locked})

    def only(self, bases: Collection[str], snapshots: Collection[str]) -> DockerLock:
        """Without the pins of what nothing refers to any more."""
        return DockerLock(
            {name: each for name, each in self.bases.items() if name in bases},
            {name: each for name, each in self.snapshots.items() if name in snapshots},
        )


def read_lock(folder: Path, cache: Path | None = None) -> DockerLock:
    """Empty when there is no file; `cache` as for `reading`. Raises InvalidDefinitions."""
    bases = {}
    snapshots = {}
    hint = "take it back from Git, or remove it: the next build writes it anew"
    with lock_file.reading(folder / FILE, hint, cache) as data:
        for name, values in (data.get("bases") or {}).items():
            bases[name] = LockedBase(
                Digest.parse(values["fingerprint"]),
                Digest.parse(values["digest"]) if values.get("digest") else None,
                Digest.parse(values["config"]) if values.get("config") else None,
                int(values.get("update", 0)),
                int(values.get("size", 0)),
            )
        for name, values in (data.get("snapshots") or {}).items():
            snapshots[name] = LockedSnapshot(
                str(values["file"]),
                Digest(values["sha256"]),
                int(values["size"]),
                str(values["repository"]),
                str(values["commit"]) if values.get("commit") else None,
            )
    return DockerLock(bases, snapshots)


def write_lock(folder: Path, lock: DockerLock) -> None:
    """Replace the file in one step, when it says something else. Raises as `replacing`."""
    lock_file.write(folder / FILE, as_text(lock))


def as_text(lock: DockerLock) -> str:
    lines = [_HEAD + "bases:"]
    for name, base in sorted(lock.bases.items()):
        lines += [f"  {name}:", f"    fingerprint: {base.fingerprint}"]
        lines += [f"    digest: {base.digest}"] if base.digest else []
        lines += [f"    config: {base.config}"] if base.config else []
        lines += [f"    size: {base.size}"] if base.size else []
        lines += [f"    update: {base.update}"] if base.update else []
    lines += ["snapshots:"] if lock.snapshots else []
    for name, snapshot in sorted(lock.snapshots.items()):
        # Quoted: a colon in a key, and digits that YAML would take for a number.
        lines += [
            f'  "{name}":',
            f'    file: "{snapshot.file}"',
            f'    sha256: "{snapshot.sha256.hex}"',
            f"    size: {snapshot.size}",
            f'    repository: "{snapshot.repository}"',
        ]
        lines += [f'    commit: "{snapshot.commit}"'] if snapshot.commit else []
    return "\n".join(lines) + "\n"
