"""Where everything lies inside the local cloud's directory. Names only; nothing is read here.

QEMU runs with the directory as its working directory and is given relative names, so that an
unprivileged process needs no permission on the folders above (a home is often closed to others).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The folders and files of one local cloud."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "pid"

    @property
    def disks(self) -> Path:
        """Volumes and snapshots, one qcow2 file each, named by their AWS id."""
        return self.root / "disks"

    @property
    def bases(self) -> Path:
        """Base disks by the fingerprint of their recipe; kept by ``reset --keep-bases``."""
        return self.root / "bases"

    @property
    def instances(self) -> Path:
        return self.root / "instances"

    @property
    def scratch(self) -> Path:
        """Unfinished work; emptied at every start."""
        return self.root / "scratch"

    @property
    def frozen(self) -> Path:
        """Worlds that are kept for later, a folder each (``worlds.py``)."""
        return self.root / "frozen"

    @property
    def thawing(self) -> Path:
        """A world that is about to take the place of this one."""
        return self.root / "thawing"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def state(self) -> Path:
        return self.root / "state.pickle"

    @property
    def cloudformation(self) -> Path:
        return self.root / "cloudformation.json"

    @property
    def acceleration(self) -> Path:
        return self.root / "acceleration.json"

    @property
    def registry(self) -> Path:
        return self.root / "registry"

    @property
    def databases(self) -> Path:
        """Database servers and copies of them, a folder each."""
        return self.root / "databases"

    @property
    def objects(self) -> Path:
        """Contents of objects in buckets (``objects.py``)."""
        return self.root / "objects"

    @property
    def lifecycle(self) -> Path:
        """Lifecycle policies (``lifecycle/policies.py``)."""
        return self.root / "lifecycle.json"

    @property
    def authority(self) -> Path:
        """Key and certificate of the local certificate authority."""
        return self.root / "authority"

    @property
    def balancers(self) -> Path:
        """What HAProxy is told, a folder for each load balancer."""
        return self.root / "balancers"

    @property
    def docker(self) -> Path:
        return self.root / "docker"

    @property
    def docker_socket(self) -> Path:
        return self.root / "docker.sock"

    @property
    def docker_run(self) -> Path:
        """The engine's own sockets; short, as the kernel limits the length of their paths."""
        return self.root / "run"

    def disk(self, identifier: str) -> Path:
        """The disk of a volume (``vol-…``) or snapshot (``snap-…``)."""
        return self.disks / f"{identifier}.qcow2"

    def instance(self, identifier: str) -> Path:
        return self.instances / identifier

    def console(self, identifier: str) -> Path:
        return self.instance(identifier) / "console.log"

    def relative(self, path: Path) -> str:
        """The name of a file below the directory, as a process running in it says it."""
        return str(path.relative_to(self.root))

    def make(self) -> None:
        """Make the folders. Raises OSError when the place cannot be written."""
        for folder in (self.disks, self.bases, self.instances, self.scratch, self.logs):
            folder.mkdir(parents=True, exist_ok=True)
