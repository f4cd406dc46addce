"""A guest that was switched on and does nothing: it hangs, and is reset.

Emulated with several processors, a guest now and then hangs as it boots, mostly before its kernel
has said a word (QEMU before 8.2; the same fault that makes it crash, see ``hooks/instances.py``).
EC2 recovers an instance whose host fails; so does the local cloud.
"""

from __future__ import annotations

from dataclasses import dataclass

PERIOD = 1.0
"""Seconds between two looks at a guest."""
PATIENCE = 45.0
"""Seconds without a word and without a block read after which a booting guest counts as hung; in
an emulated boot on a busy computer the longest such time is some ten seconds."""
MOST_RESETS = 2


@dataclass
class Silence:
    """What is known of one guest since it was switched on. Times in seconds of one clock."""

    since: float
    """When it was last seen to do something, or was switched on."""
    reads: int = 0
    resets: int = 0
    over: bool = False
    """Whether nothing more is to be watched for: it spoke, or resetting it does not help."""

    def look(self, now: float, spoke: bool, reads: int) -> bool:
        """Whether to reset the guest now, given what it did: words on its console, blocks read."""
        if spoke:
            self.over = True
        elif reads != self.reads:
            self.reads, self.since = reads, now
        elif now - self.since >= PATIENCE:
            self.resets, self.since = self.resets + 1, now
            self.over = self.resets >= MOST_RESETS
            return True
        return False
