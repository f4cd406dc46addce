"""Where things stand on a machine. Tests move them elsewhere."""

from __future__ import annotations

RUNTIME = "provisimus"
"""Containers with this runtime get the environment of the stack (`runtime:` in a Compose file)."""

NAMESPACE, METRIC = "Provisimus", "Healthy"
"""Of CloudWatch."""


class Places:
    def __init__(self, root: str = "") -> None:
        self.references = f"{root}/etc/provisimus/environment"
        """From user data: what the stack gives the main container."""
        self.publish = f"{root}/etc/provisimus/publish"
        """From user data: whom the machine tells how it is."""
        self.snapshots = f"{root}/etc/provisimus/snapshots"
        """From user data: which volumes are kept, how often, how many times."""
        self.quiesce = f"{root}/etc/provisimus/quiesce"
        """Baked: a mount and its hook, a line each."""
        self.environment = f"{root}/run/provisimus/environment"
        self.health = f"{root}/run/provisimus/health"
        self.published = f"{root}/run/provisimus/published"
        self.quiet = f"{root}/run/provisimus/quiet"
        """A line for each volume that is held still now."""
        self.bundles = f"{root}/run/"
        """Below it, in memory, the engine keeps what it starts containers from."""
        self.kept = f"{root}/var/lib/provisimus"
        """What outlives a restart of the machine."""
