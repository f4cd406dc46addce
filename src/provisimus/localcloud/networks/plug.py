"""How a machine's network card is joined to something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from provisimus.localcloud.network import Interface


@dataclass(frozen=True)
class Plug:
    """A machine's end of its network.

    ``argument`` is the value of QEMU's ``-netdev``; the descriptors that it names are the
    machine's, and to be closed here once QEMU has them. ``unplug`` is called when QEMU has ended.
    """

    argument: str
    descriptors: tuple[int, ...] = ()
    unplug: Callable[[], None] = lambda: None


MakePlug = Callable[[Interface], Plug]
