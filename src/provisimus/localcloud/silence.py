"""From power-on to a guest's first word; one that does nothing instead hangs, and is reset.

An emulated guest hangs as it boots once in some hundreds of times, perhaps by the fault that makes
QEMU before 8.2 crash with several processors (see ``hooks/instances.py``). EC2 recovers an instance
whose host fails; so does the local cloud.
"""

from __future__ import annotations

from dataclasses import dataclass, field

PERIOD = 0.1
"""Seconds between two looks at a guest's console."""
READS_EVERY = 10
"""Looks from one question for the blocks read to the next."""
PATIENCE = 45.0
"""Seconds without a word and without a block read after which a booting guest counts as hung; in
an emulated boot on a busy computer the longest such time is some ten seconds."""
MOST_RESETS = 2
LONGEST = 120.0
"""Seconds after which nobody waits for words any more: not every image speaks on its console."""


@dataclass
class Silence:
    """What is known of one guest since it was switched on. Times in seconds of one clock."""

    on: float
    """When it was switched on."""
    since: float = field(init=False)
    """When it was last seen to do something, or was switched on."""
    reads: int = 0
    resets: int = 0
    spoke: bool = False
    over: bool = False
    """Whether nothing more is to be watched for: it spoke, or never will."""

    def __post_init__(self) -> None:
        self.since = self.on

    def look(self, now: float, spoke: bool, reads: int | None) -> bool:
        """Whether to reset the guest now, given what it did: words on its console, blocks read.

        ``reads`` is None where nobody asked for them.
        """
        if spoke:
            self.spoke = self.over = True
        elif now - self.on >= LONGEST:
            self.over = True
        elif reads is None:
            pass
        elif reads != self.reads:
            self.reads, self.since = reads, now
        elif now - self.since >= PATIENCE:
            self.resets, self.since = self.resets + 1, now
            self.over = self.resets >= MOST_RESETS
            return True
        return False
