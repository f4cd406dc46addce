"""Names of disks that a running machine holds: they mean the same file for as long as it runs.

A snapshot gives a volume's file to the snapshot and puts an overlay under the volume's name
(``disks.py``). QEMU then opens the layer beneath once more, read-only, and by the name that it was
given: under the volume's own name it would find the overlay, and read from that what lies beneath.
So each layer is given to QEMU under a name that nobody else uses, a hard link beside it.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from provisimus.localcloud.layout import Layout
from provisimus.localcloud.qemu import Volume

SUFFIX = ".held"


class HeldDisks:
    """Links beside the disks. Those of an earlier process are removed: its machines are gone."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._numbers = itertools.count()
        for left in layout.disks.glob(f"*{SUFFIX}"):
            left.unlink(missing_ok=True)

    def hold(self, file: str) -> str:
        """Another name for the file that a name means now; both relative to the directory."""
        path = self._layout.root / file
        link = path.with_name(f"{path.stem}.{next(self._numbers)}{SUFFIX}")
        link.unlink(missing_ok=True)
        os.link(path, link)
        return self._layout.relative(link)

    def hold_volume(self, volume: Volume) -> Volume:
        return replace(volume, file=self.hold(volume.file))

    def let_go(self, files: Iterable[str]) -> None:
        """Remove names that `hold` gave; nobody may have them open any more."""
        for file in files:
            Path(self._layout.root / file).unlink(missing_ok=True)
