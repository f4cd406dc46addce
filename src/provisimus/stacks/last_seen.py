"""What a stack was made of when a plan last found nothing to do: a hint for the next plan.

Whether there is something to do CloudFormation alone says. The hint only tells, before it is asked,
that there likely is, and that what a change needs may be loaded meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from provisimus.caching import read_json, write_json
from provisimus.model import Digest


@dataclass(frozen=True)
class LastSeen:
    """One stack's, in a file of its own. Lost, it costs time only."""

    place: Path

    def other_than(self, source: Digest) -> bool:
        """Whether it was made of something else. False where nothing is known."""
        return self._source() not in (None, str(source))

    def keep(self, source: Digest) -> None:
        if self._source() != str(source):
            write_json(self.place, {"source": str(source)})

    def _source(self) -> object:
        return (read_json(self.place) or {}).get("source")
