"""Where things stand on a machine. Tests move them elsewhere."""

from __future__ import annotations

import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

RUNTIME = "provisimus"
"""Containers with this runtime get the environment of the stack (`runtime:` in a Compose file)."""

NAMESPACE, METRIC, DISK = "Provisimus", "Healthy", "DiskUsed"
"""Of CloudWatch: 1 or 0; percent of the fullest of the machine's disks."""

POLICY = "provisimus:policy"
"""Tag of a snapshot that a machine took: the policy in whose name. The role may remove what carries
a name of its own stack's policies, and nothing else."""

RHYTHM = "provisimus:snapshots"
"""Tag of a volume: how often a snapshot is taken and how many stay, `every=86400 keep=14`. On the
volume, for it may change without another instance."""


class Places:
    def __init__(self, root: str = "") -> None:
        self.references = f"{root}/etc/provisimus/environment"
        """From user data: what the stack gives the main container."""
        self.volumes = f"{root}/etc/provisimus/volumes"
        """From user data: an id and a mount, a line each."""
        self.root = f"{root}/"
        self.publish = f"{root}/etc/provisimus/publish"
        """From user data: whom the machine tells how it is."""
        self.logging = f"{root}/etc/provisimus/logging"
        """From user data: the log group that containers write to."""
        self.snapshots = f"{root}/etc/provisimus/snapshots"
        """From user data: of which volumes snapshots are taken, in the name of which policy."""
        self.quiesce = f"{root}/etc/provisimus/quiesce"
        """Baked: a mount and its hook, a line each."""
        self.environment = f"{root}/run/provisimus/environment"
        self.referring = f"{root}/run/provisimus/referring"
        """Names and references of the settings that may change; is not there without one."""
        self.handed = f"{root}/run/provisimus/handed"
        """A file for each container with the values that it was made with."""
        self.restarted = f"{root}/run/provisimus/restarted"
        """When containers were started anew with other values."""
        self.uptime = f"{root}/proc/uptime"
        self.health = f"{root}/run/provisimus/health"
        self.published = f"{root}/run/provisimus/published"
        self.quiet = f"{root}/run/provisimus/quiet"
        """A file for each volume that is held still now."""
        self.snapshots_lock = f"{root}/run/provisimus/snapshots.lock"
        self.bundles = f"{root}/run/"
        """Below it, in memory, the engine keeps what it starts containers from."""
        self.kept = f"{root}/var/lib/provisimus"
        """What outlives a restart of the machine."""


def read_json(path: str) -> Any:
    """What a file holds; None where there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
