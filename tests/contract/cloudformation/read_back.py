"""Compare what a stack's resources were asked to be with what their services tell.

Used by the tests of every group of types, so that no handler honours what nobody looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from provisimus.localcloud.cloudformation import detection
from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.support import unhonoured


def expect_as_asked(story: Any) -> dict[str, set[str]]:
    """Every property of every resource but those untold; returns what was compared, by type."""
    compared: dict[str, set[str]] = {}
    wrong = []
    engine = story.world.engine
    stack = engine.find(story.stack_id)
    for record in stack.resources.values():
        handler = all_handlers()[record.type]
        if not handler.tells_live:
            continue
        found = detection.look(engine, stack, record)
        wrong += [
            f"{record.logical_id}{each.path} is {each.actual}, not {each.expected}"
            for each in found.differences
        ]
        if found.status not in ("IN_SYNC", "MODIFIED"):
            wrong.append(f"{record.logical_id} is {found.status}: {found.reason}")
        seen = compared.setdefault(record.type, set())
        seen |= {p for p in handler.honoured if _touches(record.properties, p)}
    assert not wrong, "; ".join(wrong)
    return compared


def expect_everything(compared: Mapping[str, Collection[str]], types: Collection[str]) -> None:
    """Whatever these types honour was asked for once, and compared."""
    for name in types:
        left = all_handlers()[name].honoured - set(compared.get(name, ()))
        assert not left, f"no test asks {name} for {sorted(left)}"


def _touches(properties: Mapping[str, Any], pattern: str) -> bool:
    """Whether a property that is given is honoured by this pattern."""
    alone = unhonoured(properties, frozenset({pattern}))
    return len(alone) < len(unhonoured(properties, frozenset()))
