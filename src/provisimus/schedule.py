"""Which of many services may begin, and which cannot any more. Decides only: it starts nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from provisimus.errors import UsageFault


class Schedule:
    """What is ready as others get done. Each begins as soon as all that it needs is done, so there
    are no layers in which one waits for what it does not need.

    `needs` names for each those that come before it; names that are not scheduled are left out.
    """

    def __init__(self, needs: Mapping[str, Collection[str]]) -> None:
        """Raises UsageFault for a circle."""
        self._needs = among(needs)
        self._failed: set[str] = set()
        self._blocked: set[str] = set()
        self._sorter = TopologicalSorter(self._needs)
        try:
            self._sorter.prepare()
        except CycleError as error:
            way = " → ".join(reversed(error.args[1]))
            raise UsageFault(
                f"these use each other in a circle: {way}",
                hint="one of them must do without the other; see: provisimus check",
            ) from None

    def ready(self) -> list[str]:
        """Those that may begin now and were not given out before, by name."""
        return sorted(self._sorter.get_ready())

    def done(self, name: str) -> None:
        self._sorter.done(name)

    def failed(self, name: str) -> dict[str, tuple[str, ...]]:
        """Those that cannot begin any more because of this one, each with all that failed of what
        it needs, directly or by others. Each is told once."""
        self._failed.add(name)
        every = blocked(self._needs, self._failed)
        fresh = {each: why for each, why in every.items() if each not in self._blocked}
        self._blocked |= fresh.keys()
        return fresh


def among(needs: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """The needs without names that are not there, and without one's own."""
    return {
        name: frozenset(each for each in wanted if each in needs and each != name)
        for name, wanted in needs.items()
    }


def blocked(
    needs: Mapping[str, Collection[str]], failed: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """What needs something that failed, directly or by others, and which of those. Pure."""
    found: dict[str, tuple[str, ...]] = {}
    for name in TopologicalSorter(needs).static_order():
        causes = {each for each in needs.get(name, ()) if each in failed}
        causes |= {cause for each in needs.get(name, ()) for cause in found.get(each, ())}
        if causes and name not in failed:
            found[name] = tuple(sorted(causes))
    return found


def turned(needs: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """The other way round: who comes first is who needs the others. For taking down. Pure."""
    return {
        name: frozenset(each for each, wanted in needs.items() if name in wanted) for name in needs
    }
