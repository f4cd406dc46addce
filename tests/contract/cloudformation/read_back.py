"""Compare what a stack's resources were asked to be with what their services tell.

Used by the tests of every group of types, so that no handler honours what nobody looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tests.contract.cloudformation.readers import READERS

from provisimus.localcloud.cloudformation.handlers import all_handlers
from provisimus.localcloud.cloudformation.support import unhonoured


def expect_as_asked(story: Any) -> dict[str, set[str]]:
    """Every property of every resource that has a reader; returns what was compared, by type."""
    compared: dict[str, set[str]] = {}
    wrong = []
    for record in story.world.engine.find(story.stack_id).resources.values():
        reader = READERS.get(record.type)
        if reader is None:
            continue
        handler = all_handlers()[record.type]
        told = reader(story.world, record.physical_id, record.properties)
        missing = {path.split("/")[0] for path in handler.honoured} - told.keys()
        assert not missing, f"{record.type} honours {missing}, which no reader tells"
        for name, value in record.properties.items():
            if _plain(told[name]) != _plain(value):
                wrong.append(f"{record.logical_id}.{name} is {told[name]}, not {value}")
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


def _plain(value: Any) -> Any:
    """Lists whose order means nothing, in one order."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return sorted((_plain(each) for each in value), key=repr)
    return value
